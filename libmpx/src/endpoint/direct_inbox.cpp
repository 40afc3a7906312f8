#include "endpoint/direct_inbox.hpp"

namespace mpx::detail {

DirectRing& DirectInbox::add(Take take) {
  if (!bell_) bell_.emplace();
  auto ring = DirectRing::create(*bell_);
  auto& place = *ring;
  rings_[&place] = {std::move(ring), std::move(take)};
  return place;
}

void DirectInbox::remove(DirectRing& ring) { rings_.erase(&ring); }

bool DirectInbox::pump() {
  bool some = false;
  for (auto& [place, entry] : rings_) some |= place->readable() && entry.take();
  return some;
}

// A ring whose owner takes no more for now does not keep the process awake: the owner looks itself.
bool DirectInbox::announce_sleep() {
  for (auto& [place, entry] : rings_) place->announce_sleep();
  return !pump();
}

void DirectInbox::announce_awake() {
  for (auto& [place, entry] : rings_) place->announce_awake();
  if (!rings_.empty()) bell_->drain();
}

}  // namespace mpx::detail
