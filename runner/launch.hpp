#pragma once

#include <chrono>
#include <optional>

#include "plan.hpp"

namespace mpx::runner {

struct LaunchOptions {
  std::optional<std::chrono::milliseconds> timeout;
  std::chrono::milliseconds grace{0};
  bool all_output = false;  ///< show also what mpirun says about an ordinary exit status
};

/// Runs the plan's command, blocks until the job has ended, and returns the exit status for it.
///
/// INT, HUP, QUIT and an output that nobody reads any more end the job, within 2 seconds; a second
/// INT kills it. TERM and the time limit
/// first ask a libmpx program that has started to stop (mpx::stop_requested) and end it after the
/// grace. USR1 asks only; USR2 is passed on. Nothing that the job has started on this machine is
/// left running. Throws Refusal if nothing could be started.
[[nodiscard]] int launch(const Plan& plan, const LaunchOptions& options);

}  // namespace mpx::runner
