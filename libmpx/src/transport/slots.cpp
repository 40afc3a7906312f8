#include "transport/slots.hpp"

#include <string>

#include "mpx/error.hpp"

namespace mpx::detail {

std::optional<std::uint32_t> Slots::take() {
  if (!free_.empty()) {
    const auto slot = free_.back();
    free_.pop_back();
    taken_[slot] = true;
    return slot;
  }
  if (fresh_ == capacity_) return std::nullopt;
  taken_.push_back(true);
  return fresh_++;
}

void Slots::give_back(std::uint32_t slot) {
  if (slot >= fresh_ || !taken_[slot])
    throw UsageError("releasing word " + std::to_string(slot) + ", which is not in use");
  free_.push_back(slot);
  taken_[slot] = false;
}

}  // namespace mpx::detail
