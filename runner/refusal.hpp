#pragma once

#include <stdexcept>
#include <string>

namespace mpx::runner {

/// Exit statuses of mpx-run itself; what the shell and timeout(1) use, where they have one.
enum Status : int {
  bad_usage = 2,
  timed_out = 124,
  not_executable = 126,
  not_found = 127,
  signal_base = 128,
};

/// The job cannot be started: what is wrong and what to do, and the exit status for it.
class Refusal : public std::runtime_error {
 public:
  Refusal(int status, const std::string& what) : std::runtime_error(what), status_(status) {}

  [[nodiscard]] int status() const noexcept { return status_; }

 private:
  int status_;
};

}  // namespace mpx::runner
