#pragma once

#include <vector>

#include "hosts.hpp"
#include "options.hpp"

namespace mpx::runner {

/// The nodes that a job may use.
struct Resources {
  std::vector<Host> hosts;      ///< none: this machine alone
  bool counts_are_cpus = true;  ///< the hosts' slots are CPUs, not process slots that a user named
};

/// Where the ranks are. Rank 0 runs on the first node, beside the worker ranks there.
struct Layout {
  std::vector<Host> nodes;  ///< slots: ranks there; none: all on this machine
  std::vector<int> slots;   ///< process slots of the worker ranks 1, 2, …, node by node

  [[nodiscard]] int ranks() const { return static_cast<int>(slots.size()) + 1; }
};

/// Shares slots out over nodes and ranks. `cores` and `host_name` are this machine's. Throws
/// Refusal.
[[nodiscard]] Layout lay_out(const Options& options, const Resources& resources, int cores,
                             const std::string& host_name);

/// The first K of these nodes, or all of them without -N. Throws Refusal if there are fewer.
[[nodiscard]] std::vector<Host> first_nodes(const Options& options, std::vector<Host> hosts);

/// True if `host` is the machine that mpx-run runs on.
[[nodiscard]] bool is_local(const std::string& host, const std::string& host_name);

}  // namespace mpx::runner
