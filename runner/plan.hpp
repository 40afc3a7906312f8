#pragma once

#include <string>
#include <vector>

#include "facts.hpp"
#include "launcher_settings.hpp"
#include "layout.hpp"
#include "options.hpp"

namespace mpx::runner {

/// The one command that mpx-run runs.
struct Plan {
  std::vector<std::string> command;
  Variables environment;                ///< set on top of what is there
  bool srun = false;                    ///< else mpirun
  std::vector<std::string> nodes = {};  ///< known ones, for messages
  bool relays = false;                  ///< ranks start as mpx-run, with relays
};

/// What the job may use: the nodes of --host or --hostfile, else those of the batch job, else this
/// machine. Throws Refusal.
[[nodiscard]] Resources find_resources(const Options& options, const Facts& facts);

/// Whether the ranks are started by srun. In a Slurm job without mpirun it is chosen by itself.
[[nodiscard]] bool uses_srun(const Options& options, const Facts& facts);

/// Works out the command from what the user asked for and what the machine is; runs nothing.
/// Throws Refusal.
[[nodiscard]] Plan make_plan(const Options& options, const Facts& facts,
                             const Resources& resources);

/// The plan as a line for the shell, to copy and paste.
[[nodiscard]] std::string to_shell(const Plan& plan);

}  // namespace mpx::runner
