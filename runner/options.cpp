#include "options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>

#include "refusal.hpp"

namespace mpx::runner {
namespace {

constexpr int kMostRanks = 1'000'000;

int parse_count(const std::string& option, const std::string& text) {
  if (text == "p") {
    throw Refusal(bad_usage, "there is no option -np; write -n N");
  }
  int count = 0;
  if (!CLI::detail::lexical_cast(text, count) || count < 1 || count > kMostRanks) {
    throw Refusal(bad_usage, fmt::format("{} needs a whole number from 1 to {}, not \"{}\"", option,
                                         kMostRanks, text));
  }
  return count;
}

// A lone ":" would start a second program in mpirun's own syntax.
void check_program(const std::vector<std::string>& program) {
  if (program.empty()) {
    throw Refusal(bad_usage, "no program given; try: mpx-run ./program, or mpx-run --help");
  }
  if (program.front().starts_with('-')) {
    throw Refusal(
        bad_usage,
        fmt::format("unknown option {0}; to hand it to mpirun write --mpi-arg {0}, and see "
                    "mpx-run --help",
                    program.front()));
  }
  if (std::find(program.begin(), program.end(), ":") != program.end()) {
    throw Refusal(bad_usage,
                  "mpirun cannot pass on an argument that is just \":\"; quote it differently");
  }
}

}  // namespace

std::chrono::milliseconds parse_duration(const std::string& text) {
  const char* begin = text.c_str();
  char* end = nullptr;
  const double number = std::strtod(begin, &end);
  const std::string unit(end);
  const double scale = unit == "ms"                  ? 1
                       : unit.empty() || unit == "s" ? 1e3
                       : unit == "m"                 ? 60e3
                       : unit == "h"                 ? 3600e3
                                                     : 0;
  const double length = std::ceil(number * scale);
  if (end == begin || !(length >= 1) || length > 1e15) {
    throw Refusal(bad_usage, fmt::format("--timeout needs a time such as 90, 90s, 5m or 1h, not "
                                         "\"{}\"",
                                         text));
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(length));
}

Options parse_options(const std::vector<std::string>& arguments) {
  Options options;
  bool help = false;
  bool version = false;
  bool doctor = false;
  std::string ranks;
  std::string workers;
  std::string timeout;
  std::vector<std::string> hosts;

  CLI::App app;
  app.set_help_flag();
  app.prefix_command();  // the first argument that is no option is the program
  app.add_flag("-h,--help", help);
  app.add_flag("--version", version);
  app.add_flag("--doctor", doctor);
  app.add_flag("--dry-run", options.dry_run);
  app.add_flag("-v,--verbose", options.verbose);
  app.add_option("-n,--ranks", ranks);
  app.add_option("-w,--workers", workers);
  app.add_option("--hostfile", options.hostfile);
  app.add_option("--timeout", timeout);
  app.add_option("--host", hosts)->allow_extra_args(false);
  app.add_option("-x", options.exports)->allow_extra_args(false);
  app.add_option("--mpi-arg", options.mpi_arguments)->allow_extra_args(false);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::Error& error) {
    throw Refusal(bad_usage, fmt::format("{}; see mpx-run --help", error.what()));
  }

  if (help || version) {
    options.action = help ? Options::Action::help : Options::Action::version;
    return options;
  }
  if (!ranks.empty()) options.ranks = parse_count("-n", ranks);
  if (!workers.empty()) options.workers = parse_count("-w", workers);
  if (options.ranks && options.workers) {
    throw Refusal(bad_usage, "-n and -w exclude each other: -n counts ranks, -w process slots");
  }
  if (!timeout.empty()) options.timeout = parse_duration(timeout);
  options.hosts = CLI::detail::join(hosts, ",");
  options.program = app.remaining();
  if (!options.program.empty() && options.program.front() == "--") {
    options.program.erase(options.program.begin());
  }
  if (doctor) {
    options.action = Options::Action::doctor;
    if (!options.program.empty()) {
      throw Refusal(bad_usage,
                    fmt::format("--doctor runs no program: leave out {}", options.program.front()));
    }
    return options;
  }
  check_program(options.program);
  return options;
}

std::string version_text() { return MPX_VERSION; }

std::string help_text() {
  return R"(usage: mpx-run [options] program [arguments]

Runs a libmpx program on the cores of this machine, or on several.

  -w, --workers W     W process slots in all, shared out over the nodes; rank 0
                      runs main, one more rank on each node runs the processes
  -n, --ranks N       N ranks, as mpirun -n: main on rank 0, one process slot on
                      each other rank
                      (neither: as -w with every core that may be used)
      --host LIST     nodes and their slots: a:4,b:4
      --hostfile FILE the same from a file of lines "a slots=4"
  -x VAR[=VALUE]      hand an environment variable to all ranks (repeatable)
      --timeout TIME  end the job after 90, 90s, 5m or 1h, with status 124
      --mpi-arg ARG   hand ARG to mpirun (repeatable)
      --dry-run       print the command that would run, and stop
  -v, --verbose       print the command, and all that mpirun says
      --doctor        check what jobs need, here or on the nodes of --hostfile
      --version, -h, --help

The exit status is the program's own; 128+n after signal n; 124 on time-out;
126 or 127 if the program cannot be run; 2 for a mistake on the command line.

Examples:
  mpx-run ./word_count /usr/share/common-licenses
  mpx-run -w 8 --timeout 10m ./simulate --steps 1000
  mpx-run -w 64 --host node1:32,node2:32 -x OMP_NUM_THREADS=1 ./simulate
  mpx-run --mpi-arg --report-bindings ./program
)";
}

}  // namespace mpx::runner
