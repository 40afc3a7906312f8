#include "processes/process_slots.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>

namespace mpx::detail {

std::vector<int> usable_cpus(pid_t process) {
  const long configured = ::sysconf(_SC_NPROCESSORS_CONF);
  const auto most = static_cast<int>(std::max(configured, 1024L)) * 2;  // numbers may have gaps
  std::vector<int> cpus;
  if (cpu_set_t* set = CPU_ALLOC(most)) {
    const auto bytes = CPU_ALLOC_SIZE(most);
    if (::sched_getaffinity(process, bytes, set) == 0) {
      for (int cpu = 0; cpu < most; ++cpu) {
        if (CPU_ISSET_S(static_cast<std::size_t>(cpu), bytes, set)) cpus.push_back(cpu);
      }
    }
    CPU_FREE(set);
  }
  return cpus;
}

std::vector<SlotCores> deal_cores(const std::vector<RankCores>& node_ranks, std::size_t each) {
  std::vector<SlotCores> all;
  std::set<int> dealt;
  for (const auto& rank : node_ranks) {
    auto& slots = all.emplace_back(rank.slots);
    std::vector<int> left;
    for (const int cpu : rank.cpus) {
      if (!dealt.contains(cpu)) left.push_back(cpu);
    }
    auto next = left.begin();
    for (auto& slot : slots) {
      if (static_cast<std::size_t>(left.end() - next) < each) break;
      slot.assign(next, next + static_cast<std::ptrdiff_t>(each));
      next += static_cast<std::ptrdiff_t>(each);
    }
    dealt.insert(left.begin(), next);
  }
  return all;
}

std::string describe_shortage(const std::vector<RankCores>& ranks, std::size_t each) {
  std::string text;
  std::size_t more = 0;
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    const auto& rank = ranks[r];
    const auto cores = rank.cpus.size();
    const bool bound = cores < rank.launcher_cpus;
    // More slots than the node has cores are the user's wish, unless each is to have its own.
    if (cores == 0 || cores >= rank.slots * std::max<std::size_t>(each, 1)) continue;
    if (!bound && each == 0) continue;
    if (!text.empty()) {
      ++more;
      continue;
    }
    text = fmt::format(
        "rank {} on host {} has {} process slots{} and may use {} core{}", r, rank.host, rank.slots,
        each > 0 ? fmt::format(" of {} cores each", each) : "", cores, cores == 1 ? "" : "s");
    text += bound ? ": its launcher has bound it; use mpx-run, or mpirun --bind-to none"
                  : ": processes beyond them are not bound";
  }
  if (more > 0) text += fmt::format(" (so it is with {} more ranks)", more);
  return text;
}

ProcessSlots::ProcessSlots(std::size_t first, std::size_t count, SlotCores cores, std::size_t each)
    : first_(first), cores_(std::move(cores)), each_(each), taken_(count) {
  cores_.resize(count);
}

std::optional<std::size_t> ProcessSlots::take() {
  const auto free = std::find(taken_.begin(), taken_.end(), false);
  if (free == taken_.end()) return std::nullopt;
  *free = true;
  return static_cast<std::size_t>(free - taken_.begin());
}

void ProcessSlots::give_back(std::optional<std::size_t> slot) {
  if (slot) taken_[*slot] = false;
}

SpawnOptions ProcessSlots::options(std::optional<std::size_t> slot) const {
  SpawnOptions options;
  if (slot) {
    options.cpus = cores_[*slot];
    options.env.emplace_back("MPX_SLOT", std::to_string(first_ + *slot));
  }
  if (each_ > 0 && std::getenv("OMP_NUM_THREADS") == nullptr)
    options.env.emplace_back("OMP_NUM_THREADS", std::to_string(each_));
  return options;
}

}  // namespace mpx::detail
