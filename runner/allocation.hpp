#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hosts.hpp"

namespace mpx::runner {

using Environment = std::function<std::optional<std::string>(const std::string&)>;

/// What a batch system has given this job.
struct Allocation {
  enum class System { none, slurm, pbs, sge };
  System system = System::none;
  std::string job;          ///< for messages: "Slurm job 4711"
  std::vector<Host> hosts;  ///< slots: the CPUs of the job there

  [[nodiscard]] bool in_slurm() const { return system == System::slurm; }
};

/// Reads the job's environment, and its list of nodes with `read_file`. Throws Refusal if that
/// cannot be understood.
[[nodiscard]] Allocation find_allocation(
    const Environment& environment,
    const std::function<std::optional<std::string>(const std::string& path)>& read_file);

/// Expands Slurm's "node[1-3,07],gpu2". Throws Refusal.
[[nodiscard]] std::vector<std::string> expand_nodelist(const std::string& text);

/// Expands Slurm's "4(x2),2" to 4, 4, 2. Throws Refusal.
[[nodiscard]] std::vector<int> expand_counts(const std::string& text);

}  // namespace mpx::runner
