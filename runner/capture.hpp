#pragma once

#include <chrono>
#include <string>

#include "plan.hpp"

namespace mpx::runner {

/// What became of a command that was run for what it says.
struct Captured {
  std::string out;
  std::string err;
  int wait_status = 0;  ///< as from waitpid
  bool timed_out = false;

  [[nodiscard]] bool fine() const noexcept { return wait_status == 0 && !timed_out; }
};

/// Runs the command with no input, and blocks until it has ended or `limit` is over; then it, and
/// what it has started on this machine, is ended. Of each stream at most a megabyte is kept. A
/// signal that is to end this process (INT, TERM, HUP) ends the command and throws Refusal, as does
/// a command that cannot be started.
[[nodiscard]] Captured capture(const Plan& plan, std::chrono::milliseconds limit);

}  // namespace mpx::runner
