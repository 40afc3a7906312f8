#include "layout.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "refusal.hpp"

namespace mpx::runner {
namespace {

/// Process slots of a node.
int capacity(const Host& host, const Options& options, bool counts_are_cpus, int cores,
             const std::string& host_name) {
  const int cpus_each = options.cpus_per_slot.value_or(1);
  if (host.slots) return counts_are_cpus ? std::max(1, *host.slots / cpus_each) : *host.slots;
  if (options.workers) return 1;  // only the proportion counts
  if (options.slots_per_rank) return *options.slots_per_rank * options.ranks_per_node.value_or(1);
  if (is_local(host.name, host_name)) return std::max(1, cores / cpus_each);
  throw Refusal(bad_usage, fmt::format("{}: how many slots {} has is not said; add slots=N to its "
                                       "line, or give -w",
                                       options.hostfile, host.name));
}

/// Slots of a node's worker ranks, where it has `slots` in all.
std::vector<int> worker_ranks(int slots, const Options& options) {
  if (slots == 0) return {};
  const auto row = [](int ranks, int each) {
    return std::vector<int>(static_cast<std::size_t>(ranks), each);
  };
  if (options.slots_per_rank) {
    const int fitting = std::max(1, slots / *options.slots_per_rank);
    return row(options.ranks_per_node.value_or(fitting), *options.slots_per_rank);
  }
  return share_out(slots, row(std::min(slots, options.ranks_per_node.value_or(1)), 1));
}

}  // namespace

bool is_local(const std::string& host, const std::string& host_name) {
  const auto short_name = [](const std::string& name) { return name.substr(0, name.find('.')); };
  return host == "localhost" || host == "127.0.0.1" || host == host_name ||
         (host.find_first_not_of("0123456789.") != std::string::npos &&
          short_name(host) == short_name(host_name));
}

std::vector<Host> first_nodes(const Options& options, std::vector<Host> hosts) {
  if (!options.nodes) return hosts;
  const auto wanted = static_cast<std::size_t>(*options.nodes);
  const auto there = std::max<std::size_t>(hosts.size(), 1);
  if (wanted > there) {
    throw Refusal(
        bad_usage,
        fmt::format("-N {}: there {} only {} node{}; name more with --host or --hostfile, "
                    "or ask the batch system for more",
                    wanted, there == 1 ? "is" : "are", there, there == 1 ? "" : "s"));
  }
  hosts.resize(std::min(wanted, hosts.size()));
  return hosts;
}

Layout lay_out(const Options& options, const Resources& resources, int cores,
               const std::string& host_name) {
  const auto hosts = first_nodes(options, resources.hosts);
  Layout layout;
  if (hosts.empty()) {
    const Host here{host_name, cores};
    const int slots =
        options.workers ? *options.workers : capacity(here, options, true, cores, host_name);
    return {{}, worker_ranks(slots, options)};
  }
  std::vector<int> weights;
  for (const Host& host : hosts) {
    weights.push_back(capacity(host, options, resources.counts_are_cpus, cores, host_name));
  }
  const auto shares = options.workers ? share_out(*options.workers, weights) : weights;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const auto workers = worker_ranks(shares[i], options);
    const int ranks = static_cast<int>(workers.size()) + (i == 0 ? 1 : 0);
    if (ranks > 0) layout.nodes.push_back({hosts[i].name, ranks});
    layout.slots.insert(layout.slots.end(), workers.begin(), workers.end());
  }
  return layout;
}

}  // namespace mpx::runner
