#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "doctor_checks.hpp"

namespace mpx::runner {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

// What one node deserves.
struct Verdict {
  Level level = Level::ok;
  std::string found;
  std::string advice = {};
};

// Rank 0 has no slots of its own; a worker of its node speaks for both.
bool beside_a_worker(const NodeFacts& node, const DoctorFacts& facts) {
  return node.rank == 0 &&
         std::any_of(facts.nodes.begin(), facts.nodes.end(), [&](const NodeFacts& other) {
           return other.rank != 0 && other.host == node.host;
         });
}

// The row of the worst nodes, each with what was found there; what is the same is said once.
Row over_nodes(const std::string& check, const DoctorFacts& facts,
               const std::function<Verdict(const NodeFacts&)>& judge) {
  std::vector<std::pair<Verdict, std::string>> verdicts;
  Level worst = Level::ok;
  for (const NodeFacts& node : facts.nodes) {
    if (beside_a_worker(node, facts)) continue;
    verdicts.emplace_back(judge(node), node.host);
    worst = std::max(worst, verdicts.back().first.level);
  }
  Row row{worst, check, "", ""};
  std::vector<std::pair<std::string, std::vector<std::string>>> found;  // to the hosts with it
  for (const auto& [verdict, host] : verdicts) {
    if (verdict.level != worst) continue;
    if (row.advice.empty()) row.advice = verdict.advice;
    const std::string& what = verdict.found;
    auto same = std::find_if(found.begin(), found.end(),
                             [&what](const auto& entry) { return entry.first == what; });
    if (same == found.end()) same = found.insert(found.end(), {what, {}});
    if (std::find(same->second.begin(), same->second.end(), host) == same->second.end()) {
      same->second.push_back(host);
    }
  }
  std::vector<std::string> parts;
  for (const auto& [text, hosts] : found) {
    const bool all = found.size() == 1 && worst == Level::ok;
    const auto shown = std::min<std::size_t>(hosts.size(), 3);
    const std::string more =
        hosts.size() > shown ? fmt::format(" and {} more", hosts.size() - shown) : "";
    parts.push_back(
        all ? text
            : fmt::format("{}{}: {}",
                          fmt::join(hosts.begin(),
                                    hosts.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
                          more, text));
  }
  const auto shown = std::min<std::size_t>(parts.size(), 3);
  row.found = fmt::format(
      "{}{}", fmt::join(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(shown), "; "),
      parts.size() > shown ? "; …" : "");
  return row;
}

std::string number(std::uint64_t value) {
  return value == NodeFacts::kUnlimited ? "unlimited" : std::to_string(value);
}

std::string bytes(std::uint64_t value) {
  if (value == NodeFacts::kUnlimited) return "unlimited";
  if (value >= 10 * 1024 * kMiB) return fmt::format("{} GiB", value / (1024 * kMiB));
  if (value >= kMiB) return fmt::format("{} MiB", value / kMiB);
  return fmt::format("{} KiB", value / 1024);
}

int ranks_on(const DoctorFacts& facts, const std::string& host) {
  const auto ranks = std::count_if(facts.nodes.begin(), facts.nodes.end(),
                                   [&](const NodeFacts& node) { return node.host == host; });
  return std::max(2, static_cast<int>(ranks));
}

std::uint64_t slots_of(const NodeFacts& node) {
  return static_cast<std::uint64_t>(std::max(node.slots, 1));
}

Verdict judge_slots(const NodeFacts& node) {
  if (node.slots > node.cores) {
    return {Level::warn, fmt::format("{} slots on {} cores", node.slots, node.cores),
            "processes will share cores; give fewer slots, or let the launcher bind to none"};
  }
  if (node.slots == 0) return {Level::ok, fmt::format("{} cores", node.cores)};
  return {Level::ok, fmt::format("{} slots on {} cores", node.slots, node.cores)};
}

// A rank holds some descriptors for each process and each connected rank.
Verdict judge_open_files(const NodeFacts& node, std::size_t ranks) {
  const std::uint64_t needed = 128 + 8 * slots_of(node) + 2 * ranks;
  const std::string found = number(node.open_files);
  if (node.open_files >= needed) return {Level::ok, found};
  return {Level::bad, fmt::format("{}, for {} slots at least {}", found, slots_of(node), needed),
          fmt::format("ulimit -n {} before the job, or in /etc/security/limits.conf",
                      std::max<std::uint64_t>(needed, 1024))};
}

Verdict judge_processes(const NodeFacts& node, int ranks) {
  const std::uint64_t needed = 64 + 2 * slots_of(node) + 16 * static_cast<std::uint64_t>(ranks);
  const std::string found = number(node.processes);
  if (node.processes >= needed) return {Level::ok, found};
  return {Level::bad, fmt::format("{}, for {} slots at least {}", found, slots_of(node), needed),
          fmt::format("ulimit -u {} before the job, or in /etc/security/limits.conf",
                      std::max<std::uint64_t>(needed, 4096))};
}

Verdict judge_locked_memory(const NodeFacts& node) {
  const std::string found = bytes(node.locked_memory);
  if (!node.infiniband) return {Level::ok, found + ", no InfiniBand"};
  if (node.locked_memory == NodeFacts::kUnlimited) return {Level::ok, found};
  return {Level::bad, found + " with InfiniBand",
          "ulimit -l unlimited, in /etc/security/limits.conf"};
}

Verdict judge_core_files(const NodeFacts& node) {
  if (node.core_size == 0) return {Level::ok, "none are written"};
  if (node.core_pattern.starts_with('|')) return {Level::ok, "go to a program"};
  if (node.core_pattern.starts_with('/')) return {Level::ok, "go to " + node.core_pattern};
  return {Level::warn, "each process that crashes may write one into its folder",
          "ulimit -c 0, unless you want them"};
}

Verdict judge_shared_memory(const NodeFacts& node, int ranks, const Version& open_mpi) {
  if (!node.shm_trouble.empty()) {
    return {Level::bad, node.shm_trouble, "mount a tmpfs on /dev/shm that all may write to"};
  }
  // Of each rank 4 MiB for the words, 4 or 16 for Open MPI, and room for messages under way.
  const std::uint64_t each = (open_mpi.major >= 5 ? 28 : 16) * kMiB;
  const std::uint64_t needed = each * static_cast<std::uint64_t>(ranks);
  const std::string found = bytes(node.shm_free) + " free";
  if (node.shm_free >= needed) return {Level::ok, found};
  return {node.shm_free >= needed / 2 ? Level::warn : Level::bad,
          fmt::format("{}, for {} ranks better {}", found, ranks, bytes(needed)),
          "remove old files there, enlarge it (mount -o remount,size=…), or lower "
          "MPX_WORDS_PER_RANK"};
}

constexpr std::size_t kSocketPath = 107;  // bytes of sockaddr_un::sun_path
constexpr std::size_t kSessionPath = 48;  // /ompi.HOST.UID/pid.PID/… without HOST

Verdict judge_temporary(const NodeFacts& node, const std::string& own_host) {
  if (!node.tmp_trouble.empty()) {
    return {Level::bad, fmt::format("{}: {}", node.tmp, node.tmp_trouble),
            "set TMPDIR to a folder of the node that can be written"};
  }
  const std::string advice = "set TMPDIR to a folder of the node itself";
  if (!node.tmp_network.empty()) {
    return {
        Level::warn,
        fmt::format("{} is on {}, which is slow for Open MPI's files", node.tmp, node.tmp_network),
        advice};
  }
  if (node.sees_marker && node.host != own_host) {
    return {Level::warn, fmt::format("{} is shared with {}", node.tmp, own_host), advice};
  }
  if (node.tmp.size() + node.host.size() + kSessionPath > kSocketPath) {
    return {Level::warn, fmt::format("{} is long for the paths of sockets", node.tmp),
            "set TMPDIR to a shorter path"};
  }
  return {Level::ok, node.tmp};
}

}  // namespace

std::vector<Row> check_nodes(const DoctorFacts& facts) {
  const auto ranks = facts.nodes.size();
  return {over_nodes("slots", facts, judge_slots),
          over_nodes("open files", facts,
                     [&](const NodeFacts& node) { return judge_open_files(node, ranks); }),
          over_nodes("processes", facts,
                     [&](const NodeFacts& node) {
                       return judge_processes(node, ranks_on(facts, node.host));
                     }),
          over_nodes("locked memory", facts, judge_locked_memory),
          over_nodes("core files", facts, judge_core_files),
          over_nodes("/dev/shm", facts,
                     [&](const NodeFacts& node) {
                       return judge_shared_memory(node, ranks_on(facts, node.host), facts.version);
                     }),
          over_nodes("temporary files", facts, [&](const NodeFacts& node) {
            return judge_temporary(node, facts.host_name);
          })};
}

}  // namespace mpx::runner
