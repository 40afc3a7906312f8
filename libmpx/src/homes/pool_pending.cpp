#include "homes/pool_pending.hpp"

#include <algorithm>

namespace mpx::detail {

void PoolPending::add(PoolBatch& batch) {
  auto& level = levels_[batch.head().depth];
  batch.place_ = level.insert(level.end(), &batch);
  batch.pending_.push_back({0, batch.size()});
  units_ += batch.size();
}

PoolUnits PoolPending::take(PoolBatch& batch, std::uint64_t most) {
  auto& next = batch.pending_.back();
  const PoolUnits taken{next.first, next.first + std::min(most, next.end - next.first)};
  units_ -= taken.end - taken.first;
  next.first = taken.end;
  if (next.first == next.end) {
    batch.pending_.pop_back();
    if (batch.pending_.empty()) leave(batch);
  }
  return taken;
}

void PoolPending::put_back(PoolBatch& batch, PoolUnits units) {
  auto& level = levels_[batch.head().depth];
  if (batch.pending_.empty()) {
    batch.place_ = level.insert(level.begin(), &batch);
  } else {
    level.splice(level.begin(), level, batch.place_);
  }
  units_ += units.end - units.first;
  if (!batch.pending_.empty() && batch.pending_.back().first == units.end) {
    batch.pending_.back().first = units.first;
  } else {
    batch.pending_.push_back(units);
  }
}

void PoolPending::drop(PoolBatch& batch) {
  if (batch.pending_.empty()) return;
  for (const auto& units : batch.pending_) units_ -= units.end - units.first;
  batch.pending_.clear();
  leave(batch);
}

void PoolPending::clear() {
  levels_.clear();
  units_ = 0;
}

void PoolPending::leave(PoolBatch& batch) {
  const auto level = levels_.find(batch.head().depth);
  level->second.erase(batch.place_);
  if (level->second.empty()) levels_.erase(level);
}

}  // namespace mpx::detail
