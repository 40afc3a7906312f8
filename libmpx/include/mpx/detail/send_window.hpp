#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "mpx/detail/deadline.hpp"
#include "mpx/detail/ids.hpp"

namespace mpx::detail {

class Client;
enum class Kind : std::uint16_t;
enum class Status : std::uint16_t;

/// Bounds what a process has sent to a home one way, and the home has said nothing to: what is sent
/// comes in windows. With the first message of each goes a question, which the home answers once it
/// has room, or at once if it is closed; it has been answered before the next window begins. So a
/// sender waits only where the home is behind, and learns what has become of the other side in the
/// window after the next at the latest.
///
/// Thread safety: under the client's mutex, which is released while it waits.
class SendWindow {
 public:
  /// Messages of a window, at most.
  static constexpr std::uint32_t kMessages = 256;

  /// `question` goes to `home`; a window has `bytes` at most, or one message.
  SendWindow(Kind question, std::uint64_t bytes) : question_(question), most_bytes_(bytes) {}

  /// To be called before a message of `bytes` is sent to `home`; false: the home is behind, and the
  /// deadline has come. Does not wait any longer once `over` says that nothing is to be sent.
  bool admit(Client& client, std::unique_lock<std::mutex>& lock, const ObjectId& home,
             std::uint64_t bytes, Deadline deadline, const std::function<bool()>& over);
  /// Whether the home has said that it is closed, or gone.
  [[nodiscard]] bool closed() const { return answer_->closed; }

 private:
  /// Outlives the window in the handler of the answer.
  struct Answer {
    bool awaited = false;
    bool closed = false;
  };

  Kind question_;
  std::uint64_t most_bytes_;
  std::uint32_t messages_ = kMessages;  // of this window
  std::uint64_t bytes_ = 0;
  std::shared_ptr<Answer> answer_ = std::make_shared<Answer>();
};

}  // namespace mpx::detail
