#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "processes/fork_server.hpp"

namespace mpx::detail {

/// What a rank may use, as all ranks know it of each other.
struct RankCores {
  std::string host;
  std::size_t slots = 0;
  std::vector<int> cpus;          ///< that it may run on
  std::size_t launcher_cpus = 0;  ///< how many the process that started it may run on
};

/// Cores of every slot of one rank; those of a slot are empty where none were left for it.
using SlotCores = std::vector<std::vector<int>>;

/// CPUs that a process may run on (0: this one), in ascending order; empty if that is not known.
[[nodiscard]] std::vector<int> usable_cpus(pid_t process = 0);

/// Deals out the cores of a node, `each` to a slot, to the ranks there in their order: no core
/// twice. Ranks that the launcher has bound keep to their own.
[[nodiscard]] std::vector<SlotCores> deal_cores(const std::vector<RankCores>& node_ranks,
                                                std::size_t each);

/// What is to be said at the start about ranks (by number) that have fewer cores than their slots
/// need; empty: nothing. `each`: cores of a slot, 0 where processes are not bound.
[[nodiscard]] std::string describe_shortage(const std::vector<RankCores>& ranks, std::size_t each);

/// The process slots of a rank: who has which, and what a process is told of its own. Pure.
class ProcessSlots {
 public:
  ProcessSlots() = default;
  /// `first`: number of the first slot on this node. With `cores`, processes are bound to them.
  ProcessSlots(std::size_t first, std::size_t count, SlotCores cores = {}, std::size_t each = 0);

  /// The lowest free slot; none if all are taken: more processes than slots may run.
  [[nodiscard]] std::optional<std::size_t> take();
  void give_back(std::optional<std::size_t> slot);

  /// How a process in this slot is started: bound to its cores, with MPX_SLOT and, unless the user
  /// has set it, OMP_NUM_THREADS.
  [[nodiscard]] SpawnOptions options(std::optional<std::size_t> slot) const;

 private:
  std::size_t first_ = 0;
  SlotCores cores_;
  std::size_t each_ = 0;
  std::vector<bool> taken_;
};

}  // namespace mpx::detail
