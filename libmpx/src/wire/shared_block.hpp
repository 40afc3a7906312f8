#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/claims.hpp"
#include "mpx/detail/payload.hpp"

namespace mpx::detail {

/// Layout of the memory that a process shares with its worker beside the rings.
struct SharedBlock {
  static constexpr std::size_t kStagingBytes = std::size_t{64} << 10;

  ClaimWord claims[kClaimSlots];
  std::atomic<bool> stop{false};  ///< the process is asked to stop
  /// Results of finished tasks that are not yet in the ring: records, published after each task, so
  /// that the worker finds them when the process has died. The last record may still grow: where
  /// its values begin (0: nothing is staged), and how many there are. Its head does not say.
  struct Staged {
    std::uint32_t values = 0;
    std::uint32_t count = 0;
  };
  std::atomic<Staged> staged{Staged{}};
  std::byte staging[kStagingBytes];

  /// The staged records, complete; empty where a process that went wrong has left nonsense.
  [[nodiscard]] Bytes staged_records() const;
};

}  // namespace mpx::detail
