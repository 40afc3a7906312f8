#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace mpx::runner {

enum class Launcher { automatic, mpirun, srun };

/// What the user asked for on the command line.
struct Options {
  enum class Action { run, doctor, help, version };
  Action action = Action::run;

  std::optional<int> ranks = {};           ///< -n; not together with what counts slots
  std::optional<int> workers = {};         ///< -w
  std::optional<int> nodes = {};           ///< -N
  std::optional<int> ranks_per_node = {};  ///< worker ranks
  std::optional<int> slots_per_rank = {};
  std::optional<int> cpus_per_slot = {};  ///< none: processes are not bound
  Launcher launcher = Launcher::automatic;
  std::string hostfile = {};
  std::string hosts = {};                       ///< --host, several joined by commas
  std::vector<std::string> exports = {};        ///< -x: VAR or VAR=VALUE
  std::vector<std::string> mpi_arguments = {};  ///< --mpi-arg, in their order
  std::string output = {};                      ///< folder; empty: the ranks' output is ours
  bool tag_output = false;
  std::optional<std::chrono::milliseconds> timeout = {};
  std::chrono::milliseconds grace{10'000};
  bool dry_run = false;
  bool verbose = false;
  std::vector<std::string> program = {};  ///< the program and its arguments; empty only without run
};

/// One option of mpx-run. The command line, --help and what is made from this table besides know
/// the options from here alone.
struct OptionInfo {
  std::string letter;    ///< "n" for -n; may be empty
  std::string word;      ///< "ranks" for --ranks; may be empty
  std::string argument;  ///< what --help calls its argument; empty: it has none
  std::string example;   ///< such an argument
  std::string help;      ///< a line, or several, of at most 54 columns
  void (*set)(Options& options, const std::string& argument);  ///< may throw Refusal
};

/// All options, in the order of --help.
[[nodiscard]] const std::vector<OptionInfo>& option_table();

/// Reads the arguments of mpx-run (without its own name). Throws Refusal.
[[nodiscard]] Options parse_options(const std::vector<std::string>& arguments);

/// Reads "90", "90s", "1.5m", "2h" or "500ms"; a bare number is in seconds. Throws Refusal, which
/// names `option`.
[[nodiscard]] std::chrono::milliseconds parse_duration(const std::string& option,
                                                       const std::string& text);

/// What --help prints: a screen with examples.
[[nodiscard]] std::string help_text();

/// Version of mpx-run.
[[nodiscard]] std::string version_text();

}  // namespace mpx::runner
