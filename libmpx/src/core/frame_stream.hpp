#pragma once

#include <deque>
#include <functional>
#include <utility>

#include "core/channel.hpp"
#include "core/frame.hpp"

namespace mpx::detail {

/// Takes frames apart for a channel's byte stream; keeps what the ring has no room for.
class FrameWriter {
 public:
  /// Puts the frame behind those that wait and writes as much as fits. Never blocks.
  void send(Channel& channel, Frame frame);

  /// Writes on; true when nothing waits any more.
  bool pump(Channel& channel);

  [[nodiscard]] bool empty() const { return waiting_.empty(); }

 private:
  std::deque<Frame> waiting_;
  std::size_t written_ = 0;  // of the first waiting frame, header included
};

/// Puts frames together again from a channel's byte stream.
class FrameReader {
 public:
  /// Reads what is there and gives every complete frame to `deliver`; wakes a writer that sleeps
  /// for room. Returns how many frames. Throws TransportError on a stream that cannot be right (the
  /// peer crashed or scribbled).
  std::size_t pump(Channel& channel, const std::function<void(Frame&&)>& deliver);

 private:
  FrameHeader header_;
  std::size_t have_ = 0;  // of the header, then of the body
  bool in_body_ = false;
  Bytes body_;
};

}  // namespace mpx::detail
