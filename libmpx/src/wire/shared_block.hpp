#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/claims.hpp"
#include "mpx/detail/ids.hpp"
#include "mpx/detail/payload.hpp"

namespace mpx::detail {

/// How many permits of a semaphore a process holds that it took by way of the semaphore's word.
class PermitNote {
 public:
  /// Nothing is held yet, and nobody else writes.
  void begin(const ObjectId& semaphore) {
    place_ = std::uint64_t{static_cast<std::uint32_t>(semaphore.home)} << 32 | semaphore.serial;
    maker_ = semaphore.maker.value();
  }
  void add(std::int64_t permits) { held_ += permits; }
  [[nodiscard]] std::int64_t held() const { return held_; }
  [[nodiscard]] ObjectId semaphore() const {
    return {static_cast<std::int32_t>(place_ >> 32), static_cast<std::uint32_t>(place_),
            ProcessId::from_value(maker_)};
  }

 private:
  std::atomic<std::uint64_t> place_ = 0, maker_ = 0;
  std::atomic<std::int64_t> held_ = 0;
};

/// Of all semaphores of which a process holds some; those that find no room are its worker's.
using PermitNotes = std::array<PermitNote, 64>;

/// Layout of the memory that a process shares with its worker beside the rings.
struct SharedBlock {
  static constexpr std::size_t kStagingBytes = std::size_t{64} << 10;

  ClaimWord claims[kClaimSlots];
  std::atomic<bool> stop{false};  ///< the process is asked to stop
  PermitNotes permits;
  /// Results of finished tasks that are not yet in the ring: records, published after each task, so
  /// that the worker finds them when the process has died. The last record may still grow: where
  /// its values begin (0: nothing is staged), and how many there are. Its head does not say.
  struct alignas(8) Staged {
    std::uint32_t values = 0;
    std::uint32_t count = 0;
  };
  std::atomic<Staged> staged{Staged{}};
  std::byte staging[kStagingBytes];

  /// The staged records, complete; empty where a process that went wrong has left nonsense.
  [[nodiscard]] Bytes staged_records() const;
};

}  // namespace mpx::detail
