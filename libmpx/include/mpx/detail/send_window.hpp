#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "mpx/detail/deadline.hpp"
#include "mpx/detail/ids.hpp"
#include "mpx/detail/mutex.hpp"

namespace mpx::detail {

class Client;
enum class Kind : std::uint16_t;

/// Bounds what a process has sent to a home one way, and the home has said nothing to. Now and then a
/// question goes with what is sent, which the home answers once it has room, or at once if it is
/// closed. So a sender waits only for a home that is behind, and learns what has become of the other
/// side: as a rule after twice kEvery messages, at the latest after kMost.
///
/// Thread safety: under the client's mutex, which is released while it waits.
class SendWindow {
 public:
  /// Messages from one question to the next, where that is answered in time.
  static constexpr std::uint64_t kEvery = 256;
  /// Messages that are under way without an answer, at most.
  static constexpr std::uint64_t kMost = 16384;

  /// `bytes` are under way without an answer at most, or one message.
  SendWindow(Kind question, std::uint64_t bytes) : question_(question), most_bytes_(bytes) {}

  /// To be called before a message of `bytes` is sent to `home`; false: the home is behind, and the
  /// deadline has come. Does not wait any longer once `over` says that nothing is to be sent.
  bool admit(Client& client, const ObjectId& home, std::uint64_t bytes, Deadline deadline,
             const std::function<bool()>& over) MPX_REQUIRES(client_mutex);
  /// Whether the home has said that it is closed, or gone.
  [[nodiscard]] bool closed() const MPX_REQUIRES(client_mutex) { return answer_->closed; }

 private:
  struct Sent {
    std::uint64_t messages = 0, bytes = 0;
  };
  /// Outlives the window in the handler of the answer.
  struct Answer {
    bool awaited MPX_GUARDED_BY(client_mutex) = false;
    bool closed MPX_GUARDED_BY(client_mutex) = false;
  };
  void ask(Client& client, const ObjectId& home) MPX_REQUIRES(client_mutex);
  [[nodiscard]] bool fits(std::uint64_t bytes) const MPX_REQUIRES(client_mutex);

  Kind question_;
  std::uint64_t most_bytes_;
  bool asked_ MPX_GUARDED_BY(client_mutex) = false;
  Sent before_ MPX_GUARDED_BY(client_mutex);  // the last question, and after the one before it
  Sent since_ MPX_GUARDED_BY(client_mutex);   // the last question
  std::shared_ptr<Answer> answer_ = std::make_shared<Answer>();
};

}  // namespace mpx::detail
