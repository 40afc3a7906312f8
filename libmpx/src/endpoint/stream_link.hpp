#pragma once

#include <functional>
#include <memory>

#include "core/byte_stream.hpp"
#include "core/frame_stream.hpp"
#include "core/unique_fd.hpp"
#include "endpoint/link.hpp"

namespace mpx::detail {

/// The link of code outside a rank: frames over a stream to the rank that it is attached to.
class StreamLink : public Link {
 public:
  /// `deliver` gets the frames that arrive; `lost` is called (and does not return) when the rank is
  /// gone. `words`: those that the rank shares with this process; null: it asks for all.
  StreamLink(std::unique_ptr<ByteStream> stream, std::function<void(Frame&&)> deliver,
             std::function<void()> lost, const MappedWords* words = nullptr);

  void send(Frame frame) override MPX_REQUIRES(client_mutex);
  void flush() override MPX_REQUIRES(client_mutex) { stream_->ring_if_asleep(); }
  void drive(ClientMutex& mutex, Deadline deadline) override MPX_REQUIRES(client_mutex);
  void interrupt() override MPX_REQUIRES(client_mutex);
  [[nodiscard]] std::chrono::steady_clock::time_point driven_since() const override
      MPX_REQUIRES(client_mutex) {
    return driven_since_;
  }
  [[nodiscard]] bool reaches(WordRef word) const override MPX_REQUIRES(client_mutex) {
    return words_ != nullptr && words_->map().at(word) != nullptr;
  }
  std::uint64_t work_on_word(const WordRequest& request) override MPX_REQUIRES(client_mutex) {
    return perform(request, *words_->map().at(request.word));
  }
  [[nodiscard]] bool asks_rank() const override { return words_ == nullptr; }
  [[nodiscard]] const WordMap* mapped_words() const override {
    return words_ != nullptr ? &words_->map() : nullptr;
  }
  DirectInbox* direct() override MPX_REQUIRES(client_mutex) { return &direct_; }

 private:
  void return_surplus() MPX_REQUIRES(client_mutex);
  void sleep(const timespec* timeout, int bell = -1, int other_bell = -1) const;

  std::unique_ptr<ByteStream> stream_;
  const MappedWords* words_;
  UniqueFd driver_bell_;  // rung by another thread of this process
  bool driver_sleeps_ MPX_GUARDED_BY(client_mutex) = false;
  DirectInbox direct_ MPX_GUARDED_BY(client_mutex);
  FrameReader reader_ MPX_GUARDED_BY(client_mutex);
  FrameWriter writer_ MPX_GUARDED_BY(client_mutex);
  std::function<void(Frame&&)> deliver_;
  std::function<void()> lost_;
  bool spare_core_;
  std::chrono::steady_clock::time_point driven_since_ MPX_GUARDED_BY(client_mutex){};
};

}  // namespace mpx::detail
