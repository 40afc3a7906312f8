#include "core/frame_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>

#include "core/segments.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

constexpr std::uint64_t kMost = std::uint64_t{1} << 40;  // more than any memory has

Bytes memory_for(std::uint64_t size) {
  if (size > kMost)
    throw TransportError(fmt::format("a message of {} bytes from a process cannot be right", size));
  try {
    return private_bytes(size);
  } catch (const std::exception&) {
    throw TransportError(fmt::format(
        "cannot receive a message of {} bytes from a process: not enough memory", size));
  }
}

}  // namespace

void FrameWriter::send(ByteStream& stream, Frame frame) {
  waiting_.push_back(std::move(frame));
  pump(stream);
}

bool FrameWriter::may_send_segment(const ByteStream& stream) const {
  if (segments_.size() < ByteStream::kMostDescriptors) return true;
  const auto unread = stream.unread();
  return segments_[segments_.size() - ByteStream::kMostDescriptors] + unread <= sent_;
}

bool FrameWriter::can_write(const ByteStream& stream) const {
  if (waiting_.empty() || stream.room() == 0) return false;
  return begun_ || waiting_.front().large.size == 0 || may_send_segment(stream);
}

/// Makes the first frame's header, and hands its segment over; false if that has to wait.
bool FrameWriter::begin(ByteStream& stream) {
  auto& frame = waiting_.front();
  header_ = frame.header;
  if (const auto place = find_segment(frame.large.view())) {
    if (!may_send_segment(stream)) return false;
    const auto unread = stream.unread();
    while (!segments_.empty() && segments_.front() + unread <= sent_) segments_.pop_front();
    if (stream.send_descriptor(place->fd, place->offset)) {
      header_.large |= pass_segment(frame.large);
      segments_.push_back(sent_ + sizeof header_);
    }
  }
  begun_ = true;
  written_ = 0;
  return true;
}

ByteView FrameWriter::next_part() const {
  const auto& frame = waiting_.front();
  auto at = written_;
  for (const auto part :
       {ByteView(reinterpret_cast<const std::byte*>(&header_), sizeof header_),
        ByteView(frame.body),
        (header_.large & kLargeInSegment) != 0 ? ByteView() : frame.large.view()}) {
    if (at < part.size()) return part.subspan(at);
    at -= part.size();
  }
  return {};
}

bool FrameWriter::pump(ByteStream& stream) {
  while (!waiting_.empty()) {
    if (!begun_ && !begin(stream)) return false;
    for (auto part = next_part(); !part.empty(); part = next_part()) {
      const auto wrote = stream.write_some(part);
      if (wrote == 0) return false;
      written_ += wrote;
      sent_ += wrote;
    }
    waiting_.pop_front();
    begun_ = false;
  }
  return true;
}

/// The header is here. Finds or makes the memory for what follows.
void FrameReader::begin(ByteStream& stream) {
  in_segment_ = (header_.large & kLargeInSegment) != 0;
  const bool own = (header_.large & kLargeGiven) != 0;
  const auto large = header_.large & ~kLargeInSegment;
  body_ = memory_for(header_.length);
  if (!in_segment_) {
    large_ = memory_for(large);
  } else {
    auto [fd, offset] = stream.take_descriptor();
    try {
      large_ = receive_segment(std::move(fd), offset, large, own);
    } catch (const std::bad_alloc& error) {
      throw TransportError(error.what());
    }
  }
  header_.large = large;  // only now: what cannot be right is refused again
  in_body_ = true;
  have_ = 0;
}

/// Reads on into a part that `before` bytes of the message precede; whether it is complete.
bool FrameReader::read(ByteStream& stream, Bytes& into, std::size_t before) {
  while (have_ < before + into.size()) {
    const auto got = stream.read_some(std::span(into).subspan(have_ - before));
    if (got == 0) return false;
    read_some_ = true;
    have_ += got;
  }
  return true;
}

std::size_t FrameReader::pump(ByteStream& stream, const std::function<void(Frame&&)>& deliver) {
  std::size_t frames = 0;
  read_some_ = false;
  // Whatever was read makes room, for which the writer may sleep in the middle of a frame.
  struct RingAfter {
    ~RingAfter() {
      if (some) stream.ring_if_asleep();
    }
    ByteStream& stream;
    const bool& some;
  } const ring{stream, read_some_};
  while (true) {
    if (!in_body_) {
      while (have_ < sizeof header_) {
        auto* place = reinterpret_cast<std::byte*>(&header_) + have_;
        const auto got = stream.read_some({place, sizeof header_ - have_});
        if (got == 0) return frames;
        read_some_ = true;
        have_ += got;
      }
      begin(stream);
    }
    if (!read(stream, body_, 0)) return frames;
    if (!in_segment_ && !read(stream, large_, body_.size())) return frames;
    in_body_ = false;
    have_ = 0;
    ++frames;
    Frame frame{header_, std::move(body_)};
    if (header_.large != 0) frame.large = Large(std::exchange(large_, {}));
    deliver(std::move(frame));
  }
}

}  // namespace mpx::detail
