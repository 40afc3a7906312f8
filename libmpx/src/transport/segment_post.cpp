#include "transport/segment_post.hpp"

#include <fmt/format.h>

#include <memory>
#include <new>
#include <utility>

#include "core/segments.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

constexpr int kMostStrange = 1000;        // messages from others than ranks, looked at in one go
constexpr std::size_t kMostWaiting = 64;  // descriptors of one rank that wait for their frames

std::uint32_t number_of(const FrameHeader& header) {
  return static_cast<std::uint32_t>(header.large >> kLargeNumberShift) & (kLargeNumbers - 1);
}

}  // namespace

SegmentPost::SegmentPost(const JobSecret& job, int rank, std::vector<bool> in_reach)
    : token_(job.token),
      rank_(rank),
      socket_(job, 's', rank),
      in_reach_(std::move(in_reach)),
      sent_(in_reach_.size()),
      arrived_(in_reach_.size()) {}

bool SegmentPost::send(int to, Frame& frame) {
  const auto rank = static_cast<std::size_t>(to);
  if (frame.large.size == 0 || frame.large.size > kLargeSizeMask || !in_reach_[rank]) return false;
  const auto place = find_segment(frame.large.view());
  if (!place) return false;
  const std::uint32_t number = (sent_[rank] + 1) & (kLargeNumbers - 1);
  const Note note{token_, place->offset, rank_, number};
  const auto bytes = std::as_bytes(std::span(&note, 1));
  if (socket_.send(to, bytes, {&place->fd, 1}) != NodeSocket::Sent::yes) return false;
  sent_[rank] = number;
  frame.header.large |= pass_segment(frame.large) | std::uint64_t{number} << kLargeNumberShift;
  return true;
}

/// Takes what has come, as the socket's queue is short, but not without end for the rank that `wanted` is
/// of: then its full queue has senders use MPI. Anyone on this machine may send something: what
/// does not have the job's token is not for us.
void SegmentPost::take_in(std::deque<Arrived>& wanted) {
  Note note;
  for (int strange = 0; wanted.size() < kMostWaiting && strange < kMostStrange;) {
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
    arrived_[static_cast<std::size_t>(note.from)].push_back(
        {std::move(fd), note.offset, note.number});
  }
}

/// That with this number; null: it has not come. Older ones belong to frames that were never sent.
SegmentPost::Arrived* SegmentPost::find(int from, std::uint32_t number) {
  auto& arrived = arrived_[static_cast<std::size_t>(from)];
  while (true) {
    if (arrived.empty()) take_in(arrived);
    if (arrived.empty()) return nullptr;
    const auto behind = (number - arrived.front().number) & (kLargeNumbers - 1);
    if (behind == 0) return &arrived.front();
    if (behind >= kLargeNumbers / 2) return nullptr;
    arrived.pop_front();
  }
}

Large SegmentPost::receive(int from, const FrameHeader& header) {
  const auto size = header.large & kLargeSizeMask;
  auto* const found = find(from, number_of(header));
  if (found == nullptr || !found->fd) {
    throw TransportError(fmt::format(
        "rank {} cannot take {} bytes from rank {}: {}", rank_, size, from,
        found == nullptr ? "their memory has not come"
                         : "it has no descriptor left for their memory (see ulimit -n)"));
  }
  try {
    auto whole = std::make_shared<Bytes>();
    *whole = receive_segment(std::move(found->fd), found->offset, size,
                             (header.large & kLargeGiven) != 0);
    Large large;
    large.whole = std::move(whole);
    large.size = size;
    arrived_[static_cast<std::size_t>(from)].pop_front();
    return large;
  } catch (const std::bad_alloc& error) {
    throw TransportError(
        fmt::format("rank {} cannot take a message from rank {}, nor any more, until it can: {}",
                    rank_, from, error.what()));
  }
}

}  // namespace mpx::detail
