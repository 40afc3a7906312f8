#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "transport/transport.hpp"

namespace mpx::detail {

/// What a MemoryNetwork does to frames, so that tests meet orders that a real network seldom gives.
struct NetworkFaults {
  double hold = 0;       ///< probability that a poll leaves one source's frames for later, 0 … 1
  bool shuffle = false;  ///< a poll visits the sources in random order
  std::uint64_t seed = 1;  ///< of the random choices
};

/// What was sent.
struct Traffic {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;  ///< of their bodies

  friend Traffic operator-(Traffic a, Traffic b) {
    return {a.messages - b.messages, a.bytes - b.bytes};
  }
};

/// Ranks in the memory of one process: the twin of MPI for tests.
///
/// Frames of one source are never reordered.
///
/// Ownership:     the transports keep what they share alive; the network may go first.
/// Thread safety: all members; each transport is used by one thread at a time, as Transport says.
class MemoryNetwork {
 public:
  /// `hosts` names each rank's host; ranks that name none are all on "localhost".
  explicit MemoryNetwork(int size, std::vector<std::string> hosts = {}, NetworkFaults faults = {});
  ~MemoryNetwork();

  [[nodiscard]] int size() const;

  /// The transport of `rank`; to be called once for each rank.
  [[nodiscard]] std::unique_ptr<Transport> transport(int rank);

  /// Of all ranks to others since the beginning.
  [[nodiscard]] Traffic traffic() const;

  /// From now on frames to `rank` vanish, and those that wait there too.
  void drop(int rank);

 private:
  friend class MemoryTransport;
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace mpx::detail
