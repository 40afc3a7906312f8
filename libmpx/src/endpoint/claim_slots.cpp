#include "endpoint/claim_slots.hpp"

#include <algorithm>
#include <cstring>

#include "core/log.hpp"
#include "core/pack.hpp"
#include "wire/headers.hpp"

namespace mpx::detail {

void ClaimSlots::attach(ClaimWord* words) {
  if (words == nullptr) {
    own_ = std::make_unique<ClaimWord[]>(kClaimSlots);
    objects_.resize(kClaimSlots);
    words = own_.get();
  }
  words_ = words;
}

std::uint16_t ClaimSlots::new_slot() {
  const auto free = std::find(used_.begin(), used_.end(), false);
  if (free == used_.end()) return kNoClaimSlot;
  *free = true;
  const auto slot = static_cast<std::uint16_t>(free - used_.begin());
  words_[slot].reset_taken();
  return slot;
}

void ClaimSlots::free_slot(std::uint16_t slot) {
  if (slot >= kClaimSlots) return;
  // The next user starts with nothing handed ahead; in a process its worker sees to that.
  if (own_) words_[slot].revoke();
  used_[slot] = false;
  if (!objects_.empty()) objects_[slot] = {};
}

void ClaimSlots::recall(const FrameHeader& request) {
  const auto slot = request.status;
  const bool its = slot < kClaimSlots && !objects_.empty() && objects_[slot] == request.object;
  const auto units = its ? words_[slot].revoke() : 0;
  context_.send(to_home(Kind::recalled, request.object), {Packer::pack(units), {}});
}

void ClaimSlots::stamp(Frame& items) {
  if (!own_ || items.header.status >= kClaimSlots) return;
  ClaimStamp stamp;
  std::memcpy(&stamp, items.body.data(), sizeof stamp);
  objects_[stamp.slot] = items.header.object;
  if (const auto made = words_[stamp.slot].extend(stamp.slot, stamp.count)) {
    std::memcpy(items.body.data(), &*made, sizeof stamp);
  } else {
    log_error("claim slot {} has no numbers left", stamp.slot);
  }
}

}  // namespace mpx::detail
