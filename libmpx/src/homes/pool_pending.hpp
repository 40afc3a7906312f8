#pragma once

#include <functional>
#include <list>
#include <map>

#include "homes/pool_batch.hpp"

namespace mpx::detail {

/// The units of a pool that no process has, in the order in which they go out: by depth, the
/// deepest first; then batch by batch.
///
/// Cost: of each call a constant, however many units and batches there are.
class PoolPending {
 public:
  using Level = std::list<PoolBatch*>;                            // never empty
  using Levels = std::map<std::uint64_t, Level, std::greater<>>;  // by depth

  [[nodiscard]] bool empty() const { return levels_.empty(); }
  [[nodiscard]] std::uint64_t units() const { return units_; }
  [[nodiscard]] const Levels& levels() const { return levels_; }

  /// All units of a batch, which is not empty, go out as the last of their depth.
  void add(PoolBatch& batch);
  /// Takes the next units of a batch that has some: at most so many, and in a row.
  PoolUnits take(PoolBatch& batch, std::uint64_t most);
  /// They go out next of their depth.
  void put_back(PoolBatch& batch, PoolUnits units);
  /// Nobody wants what the batch has left.
  void drop(PoolBatch& batch);
  void clear();

 private:
  void leave(PoolBatch& batch);

  Levels levels_;
  std::uint64_t units_ = 0;
};

}  // namespace mpx::detail
