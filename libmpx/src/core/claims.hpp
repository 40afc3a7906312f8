#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

namespace mpx::detail {

/// What a claim slot's deliveries are stamped with: unit i of a delivery has number `first` + i.
struct ClaimStamp {
  std::uint16_t slot = 0;
  std::uint16_t epoch = 0;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

/// One word in memory that a process shares with its worker, by which units handed ahead to the
/// process (queue items, tasks) can be taken by it or taken back from it, each exactly once.
///
/// The word is {epoch:12, limit:26, next:26}: units next … limit-1 may still be taken by the
/// process; revoking starts a new epoch, which makes all older stamps worthless. A process that
/// dies leaves in the word exactly how far it came. Epochs come round again after 4096; none is
/// begun that a process which lags behind could take for an older one.
class alignas(64) ClaimWord {
 public:
  /// Worker: makes `count` more units available; nothing if the number space of this epoch is used
  /// up (then revoke() first, or wait until the process has taken all).
  std::optional<ClaimStamp> extend(std::uint16_t slot, std::uint32_t count);

  /// Worker: takes back all units not taken. Returns how many; none where the process has not
  /// looked at a unit in 4095 epochs.
  std::uint32_t revoke();

  /// Process: takes the unit; false if it was taken back. To be called in the order of delivery.
  bool take(std::uint16_t epoch, std::uint32_t number);

  /// Units taken since reset_taken(), modulo 2^32: a unit counts when its take() is about to
  /// return.
  [[nodiscard]] std::uint32_t taken() const { return taken_.load(std::memory_order_acquire); }
  /// Process: the word gets a new use.
  void reset_taken();

 private:
  std::atomic<std::uint64_t> word_{0};
  std::atomic<std::uint32_t> taken_{0};
  std::atomic<std::uint32_t> seen_{0};  // epoch of the unit that the process looked at last
};

/// How many claim words a process shares with its worker. Slot 0 is the pool's.
inline constexpr std::uint16_t kClaimSlots = 64;
inline constexpr std::uint16_t kNoClaimSlot = 0xFFFF;

}  // namespace mpx::detail
