#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "core/frame.hpp"
#include "transport/node_socket.hpp"

namespace mpx::detail {

/// Hands segments of large bytes (core/segments.hpp) to ranks of this node, beside the frames that they
/// belong to: those go by MPI, later, and say that their large part is in a segment.
///
/// Ordering:      those of one rank are taken in the order they were sent.
/// Thread safety: none.
/// Failure:       what cannot be sent this way goes by MPI. A receiver without a free descriptor cannot
///                get the bytes again: TransportError.
class SegmentPost {
 public:
  /// `in_reach`: by rank, the others whose sockets can be reached.
  SegmentPost(const JobSecret& job, int rank, std::vector<bool> in_reach);

  /// Sends the segment of the frame's large part to `to`, if it lies in one and that rank is on this
  /// node, and says so in the frame's header; whether it did.
  bool send(int to, Frame& frame);

  /// The large part of a frame from that rank, whose header says that it is in a segment. Throws
  /// TransportError; it is still there for another try if memory was short.
  [[nodiscard]] Large receive(int from, const FrameHeader& header);

 private:
  struct Note {
    std::uint64_t token = 0;
    std::uint64_t offset = 0;
    std::int32_t from = 0;
    std::uint32_t number = 0;  // of those to one rank
  };
  struct Arrived {
    UniqueFd fd;  // none: this process had no room for it
    std::uint64_t offset = 0;
    std::uint32_t number = 0;
  };
  void take_in(std::deque<Arrived>& wanted);
  Arrived* find(int from, std::uint32_t number);

  std::uint64_t token_;
  int rank_;
  NodeSocket socket_;
  std::vector<bool> in_reach_;                // by rank
  std::vector<std::uint32_t> sent_;           // by rank, how many
  std::vector<std::deque<Arrived>> arrived_;  // by rank
};

}  // namespace mpx::detail
