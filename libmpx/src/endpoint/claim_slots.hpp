#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/claims.hpp"
#include "endpoint/context.hpp"

namespace mpx::detail {

/// The claim slots of a process: by their words it takes units that were handed ahead to it, each of which
/// may be taken back until then (core/claims.hpp). Slot 0 is the pool's.
///
/// Thread safety: take() from any thread; all else under the client's mutex.
class ClaimSlots {
 public:
  explicit ClaimSlots(Context& context) : context_(context), used_(kClaimSlots, false) {
    used_[0] = true;  // the pool's
  }
  ClaimSlots(const ClaimSlots&) = delete;
  ClaimSlots& operator=(const ClaimSlots&) = delete;

  /// Before all else, once. `words`: those that this process shares with its worker; null: it is a rank, and
  /// has its own.
  void attach(ClaimWord* words) MPX_REQUIRES(client_mutex);

  /// Takes a unit handed ahead; false if it was taken back. Costs one compare-and-swap.
  bool take(const ClaimStamp& stamp, std::uint32_t number) {
    return stamp.slot >= kClaimSlots || words_[stamp.slot].take(stamp.epoch, number);
  }

  /// A slot for an object; kNoClaimSlot if none is free.
  [[nodiscard]] std::uint16_t new_slot() MPX_REQUIRES(client_mutex);
  void free_slot(std::uint16_t slot) MPX_REQUIRES(client_mutex);

  // What a worker does for its processes, a rank's own code does itself:

  /// Takes back what has not been taken of an object's units, and says how many they are.
  void recall(const FrameHeader& request) MPX_REQUIRES(client_mutex);
  /// Stamps the units of a queue that have come for this process.
  void stamp(Frame& items) MPX_REQUIRES(client_mutex);

 private:
  Context& context_;
  std::unique_ptr<ClaimWord[]> own_ MPX_GUARDED_BY(client_mutex);
  ClaimWord* words_ = nullptr;  // set by attach()
  std::vector<bool> used_ MPX_GUARDED_BY(client_mutex);
  std::vector<ObjectId> objects_
      MPX_GUARDED_BY(client_mutex);  // of own_: whose units a slot carries
};

}  // namespace mpx::detail
