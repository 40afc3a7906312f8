#pragma once

#include <optional>
#include <set>
#include <string>

#include "allocation.hpp"

namespace mpx::runner {

struct Version {
  int major = 0;
  int minor = 0;
};

/// What the plan needs to know of this machine, gathered once, so that planning itself is pure.
struct Facts {
  std::string self;            ///< full path of mpx-run
  std::string mpirun;          ///< full path; empty: none that can be used
  std::string mpirun_trouble;  ///< why not
  std::string srun;            ///< full path; empty: none
  std::string mpi_version;     ///< as mpirun prints it
  Version version;
  int cores = 1;  ///< that this process may use
  bool root = false;
  bool infiniband = false;
  bool hangup_is_ignored = false;  ///< as by nohup: what is started has to do so, too
  std::string host_name;
  std::set<std::string> user_parameters;  ///< MCA parameters set in the user's own file
  Environment environment;
  Allocation allocation;
};

/// Looks at this machine and at the batch job that this is, if any, and asks mpirun for its version.
/// Throws Refusal if the batch system's variables make no sense.
[[nodiscard]] Facts gather_facts();

/// Cores that this process may use: of those it is bound to, as many as its control groups allow.
[[nodiscard]] int usable_cores();

[[nodiscard]] bool has_infiniband();

/// Full path of the program that the shell would run for `name`. Throws Refusal, with the exit
/// status that a shell gives, if it does not exist or cannot be executed: the system is asked, which
/// starts the program and ends it before its first instruction.
[[nodiscard]] std::string find_program(const std::string& name);

/// Version in what `mpirun --version` printed; none if that is no Open MPI.
[[nodiscard]] std::optional<Version> parse_version(const std::string& text);

/// Cores that a quota of `quota` microseconds in each `period` allows; none if it has no bound
/// (cgroup v2 writes "max", v1 writes -1).
[[nodiscard]] std::optional<int> parse_quota(const std::string& quota, const std::string& period);

/// Names of the parameters that the text of an mca-params.conf sets.
[[nodiscard]] std::set<std::string> parse_parameters(const std::string& text);

}  // namespace mpx::runner
