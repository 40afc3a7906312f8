#include "transport/segment_post.hpp"

#include <fmt/format.h>

#include <new>
#include <utility>

#include "core/segments.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

constexpr int kMostStrange = 1000;  // messages from others than ranks, looked at in one go

}  // namespace

SegmentPost::SegmentPost(const JobSecret& job, int rank, std::vector<bool> in_reach)
    : token_(job.token),
      rank_(rank),
      socket_(job, 's', rank),
      in_reach_(std::move(in_reach)),
      arrived_(in_reach_.size()) {}

bool SegmentPost::send(int to, Frame& frame) {
  if (frame.large.size == 0 || !in_reach_[static_cast<std::size_t>(to)]) return false;
  const auto place = find_segment(frame.large.view());
  if (!place) return false;
  const Note note{token_, place->offset, rank_, 0};
  const auto bytes = std::as_bytes(std::span(&note, 1));
  if (socket_.send(to, bytes, {&place->fd, 1}) != NodeSocket::Sent::yes) return false;
  frame.header.large |= pass_segment(frame.large);
  return true;
}

// Anyone on this machine may send something: what does not have the job's token is not for us.
void SegmentPost::take_in() {
  Note note;
  for (int strange = 0; strange < kMostStrange;) {
    ReceivedMessage got;
    try {
      got = recv_fds(socket_.fd(), std::as_writable_bytes(std::span(&note, 1)));
    } catch (const TransportError&) {  // it is too long
      ++strange;
      continue;
    }
    if (got.state == ReceivedMessage::State::nothing_yet) return;
    if (got.length != sizeof note || note.token != token_ || note.from < 0 ||
        static_cast<std::size_t>(note.from) >= arrived_.size()) {
      ++strange;
      continue;
    }
    auto fd = got.fds.empty() ? UniqueFd() : std::move(got.fds.front());
    arrived_[static_cast<std::size_t>(note.from)].push_back({std::move(fd), note.offset});
  }
}

Large SegmentPost::receive(int from, const FrameHeader& header) {
  auto& arrived = arrived_[static_cast<std::size_t>(from)];
  if (arrived.empty()) take_in();
  if (arrived.empty() || !arrived.front().fd) {
    throw TransportError(fmt::format(
        "rank {} cannot take {} bytes from rank {}: {}", rank_, header.large & ~kLargeInSegment,
        from,
        arrived.empty() ? "their memory has not come"
                        : "it has no descriptor left for their memory (see ulimit -n)"));
  }
  auto& [fd, offset] = arrived.front();
  try {
    Large large(receive_segment(std::move(fd), offset, header.large & ~kLargeInSegment,
                                (header.large & kLargeGiven) != 0));
    arrived.pop_front();
    return large;
  } catch (const std::bad_alloc& error) {
    throw TransportError(
        fmt::format("rank {} cannot take a message from rank {}, nor any more, until it can: {}",
                    rank_, from, error.what()));
  }
}

}  // namespace mpx::detail
