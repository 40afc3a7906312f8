#include "core/frame_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>

#include "mpx/error.hpp"

namespace mpx::detail {

void FrameWriter::send(Channel& channel, Frame frame) {
  waiting_.push_back(std::move(frame));
  pump(channel);
}

bool FrameWriter::pump(Channel& channel) {
  while (!waiting_.empty()) {
    const auto& frame = waiting_.front();
    const auto total = sizeof(FrameHeader) + frame.body.size();
    while (written_ < total) {
      const auto part =
          written_ < sizeof(FrameHeader)
              ? ByteView(reinterpret_cast<const std::byte*>(&frame.header), sizeof(FrameHeader))
                    .subspan(written_)
              : ByteView(frame.body).subspan(written_ - sizeof(FrameHeader));
      const auto wrote = channel.write_some(part);
      if (wrote == 0) return false;
      written_ += wrote;
    }
    waiting_.pop_front();
    written_ = 0;
  }
  return true;
}

std::size_t FrameReader::pump(Channel& channel, const std::function<void(Frame&&)>& deliver) {
  std::size_t frames = 0;
  // Whatever was read makes room, for which the writer may sleep in the middle of a frame.
  struct RingAfter {
    ~RingAfter() {
      if (some) channel.ring_if_asleep();
    }
    Channel& channel;
    bool some = false;
  } ring{channel};
  while (true) {
    if (!in_body_) {
      while (have_ < sizeof header_) {
        auto* place = reinterpret_cast<std::byte*>(&header_) + have_;
        const auto got = channel.read_some({place, sizeof header_ - have_});
        if (got == 0) return frames;
        ring.some = true;
        have_ += got;
      }
      constexpr std::uint64_t kMost = std::uint64_t{1} << 40;  // more than any memory has
      if (header_.length > kMost)
        throw TransportError(
            fmt::format("a message of {} bytes from a process cannot be right", header_.length));
      try {
        body_ = Bytes(header_.length);
      } catch (const std::exception&) {
        throw TransportError(
            fmt::format("cannot receive a message of {} bytes from a process: not enough memory",
                        header_.length));
      }
      in_body_ = true;
      have_ = 0;
    }
    while (have_ < body_.size()) {
      const auto got = channel.read_some(std::span(body_).subspan(have_));
      if (got == 0) return frames;
      ring.some = true;
      have_ += got;
    }
    in_body_ = false;
    have_ = 0;
    ++frames;
    deliver(Frame{header_, std::move(body_)});
  }
}

}  // namespace mpx::detail
