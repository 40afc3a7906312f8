#pragma once

#include <deque>
#include <functional>
#include <utility>

#include "core/byte_stream.hpp"
#include "core/frame.hpp"

namespace mpx::detail {

/// Takes frames apart for a byte stream; keeps what the stream has no room for. The large
/// part of a frame does not go through it where that lies in a segment and the stream carries
/// descriptors: the segment is given to the peer, or lent if others hold it too.
class FrameWriter {
 public:
  /// Puts the frame behind those that wait and writes as much as fits. Never blocks.
  void send(ByteStream& stream, Frame frame);

  /// Writes on; true when nothing waits any more.
  bool pump(ByteStream& stream);

  [[nodiscard]] bool empty() const { return waiting_.empty(); }
  /// Whether something waits that pump() would write a part of.
  [[nodiscard]] bool can_write(const ByteStream& stream) const;

 private:
  [[nodiscard]] bool may_send_segment(const ByteStream& stream) const;
  bool begin(ByteStream& stream);
  [[nodiscard]] ByteView next_part() const;

  std::deque<Frame> waiting_;
  // Of the first waiting frame, once its header has been made:
  bool begun_ = false;
  FrameHeader header_;                  // as it stands in the stream
  std::size_t written_ = 0;             // bytes, header included
  std::uint64_t sent_ = 0;              // bytes ever written
  std::deque<std::uint64_t> segments_;  // where headers end whose segments may not have been taken
};

/// Puts frames together again from a byte stream.
class FrameReader {
 public:
  /// Reads what is there and gives every complete frame to `deliver`; wakes a writer that sleeps
  /// for room. Returns how many frames. Throws TransportError on a stream that cannot be right (the
  /// peer crashed or scribbled).
  std::size_t pump(ByteStream& stream, const std::function<void(Frame&&)>& deliver);

 private:
  FrameHeader header_;
  void begin(ByteStream& stream);
  bool read(ByteStream& stream, Bytes& into, std::size_t before);

  std::size_t have_ = 0;  // of the header, then of what follows
  bool in_body_ = false;
  bool in_segment_ = false;  // the large part is, and is here
  Bytes body_;
  Bytes large_;
  bool read_some_ = false;
};

}  // namespace mpx::detail
