#pragma once

#include <string>
#include <utility>
#include <vector>

#include "facts.hpp"
#include "options.hpp"

namespace mpx::runner {

using Variable = std::pair<std::string, std::string>;
using Variables = std::vector<Variable>;

/// Parameters of Open MPI that libmpx needs from mpirun, less those that the user has set.
[[nodiscard]] Variables mpirun_settings(const Options& options, const Facts& facts,
                                        bool several_nodes);

/// Those that the ranks need and mpirun must not have, as variables of the ranks.
[[nodiscard]] Variables rank_settings(const Options& options, const Facts& facts,
                                      bool several_nodes);

/// What srun and Slurm's PMIx plug-in need, less what the user has set.
[[nodiscard]] Variables srun_settings(const Options& options, const Facts& facts);

/// mpirun refuses to run as root unless told to; that decision stays the user's. Throws Refusal.
void check_root(const Options& options, const Facts& facts);

}  // namespace mpx::runner
