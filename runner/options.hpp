#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace mpx::runner {

/// What the user asked for on the command line.
struct Options {
  enum class Action { run, doctor, help, version };
  Action action = Action::run;

  std::optional<int> ranks;    ///< -n; not together with workers
  std::optional<int> workers;  ///< -w
  std::string hostfile;
  std::string hosts;                       ///< --host, several joined by commas
  std::vector<std::string> exports;        ///< -x: VAR or VAR=VALUE
  std::vector<std::string> mpi_arguments;  ///< --mpi-arg, in their order
  std::optional<std::chrono::milliseconds> timeout;
  bool dry_run = false;
  bool verbose = false;
  std::vector<std::string> program;  ///< the program and its arguments; empty only without run
};

/// Reads the arguments of mpx-run (without its own name). Throws Refusal.
[[nodiscard]] Options parse_options(const std::vector<std::string>& arguments);

/// Reads "90", "90s", "1.5m", "2h" or "500ms"; a bare number is in seconds. Throws Refusal.
[[nodiscard]] std::chrono::milliseconds parse_duration(const std::string& text);

/// What --help prints: a screen with examples.
[[nodiscard]] std::string help_text();

/// Version of mpx-run.
[[nodiscard]] std::string version_text();

}  // namespace mpx::runner
