#include "options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>
#include <sstream>

#include "refusal.hpp"

namespace mpx::runner {
namespace {

constexpr int kMostRanks = 1'000'000;

int parse_count(const std::string& option, const std::string& text) {
  int count = 0;
  if (!CLI::detail::lexical_cast(text, count) || count < 1 || count > kMostRanks) {
    throw Refusal(bad_usage, fmt::format("{} needs a whole number from 1 to {}, not \"{}\"", option,
                                         kMostRanks, text));
  }
  return count;
}

int parse_ranks(const std::string& text) {
  if (text == "p") throw Refusal(bad_usage, "there is no option -np; write -n N");
  return parse_count("-n", text);
}

Launcher parse_launcher(const std::string& text) {
  if (text == "auto") return Launcher::automatic;
  if (text == "mpirun") return Launcher::mpirun;
  if (text == "srun") return Launcher::srun;
  throw Refusal(bad_usage, fmt::format("--launcher is auto, mpirun or srun, not \"{}\"", text));
}

void add_hosts(Options& options, const std::string& list) {
  if (list.empty()) {
    throw Refusal(bad_usage, "--host needs at least one node, as in --host node1:4,node2:4");
  }
  options.hosts += (options.hosts.empty() ? "" : ",") + list;
}

std::string not_empty(const std::string& option, const std::string& text) {
  if (text.empty()) throw Refusal(bad_usage, option + " needs a name");
  return text;
}

std::vector<OptionInfo> make_table() {
  using Text = const std::string&;
  return {
      {"w", "workers", "W", "8",
       "W process slots in all, shared out over the nodes\n"
       "(default: every core that this job may use)",
       [](Options& o, Text t) { o.workers = parse_count("-w", t); }},
      {"n", "ranks", "N", "4", "N ranks as mpirun -n: main, and N-1 with one slot each",
       [](Options& o, Text t) { o.ranks = parse_ranks(t); }},
      {"", "host", "LIST", "node1:4,node2:4", "nodes and their slots: a:4,b:4", &add_hosts},
      {"", "hostfile", "FILE", "nodes", "the same from a file of lines \"a slots=4\"",
       [](Options& o, Text t) { o.hostfile = not_empty("--hostfile", t); }},
      {"N", "nodes", "K", "2", "use the first K nodes only",
       [](Options& o, Text t) { o.nodes = parse_count("-N", t); }},
      {"", "ranks-per-node", "R", "2", "R worker ranks on each node, which share its slots (1)",
       [](Options& o, Text t) { o.ranks_per_node = parse_count("--ranks-per-node", t); }},
      {"", "slots-per-rank", "S", "16", "S slots on each worker rank; as many ranks as fit",
       [](Options& o, Text t) { o.slots_per_rank = parse_count("--slots-per-rank", t); }},
      {"", "cpus-per-slot", "C", "4", "bind each process to C cores of its own",
       [](Options& o, Text t) { o.cpus_per_slot = parse_count("--cpus-per-slot", t); }},
      {"", "launcher", "WHICH", "srun", "mpirun, srun, or auto (mpirun where it is there)",
       [](Options& o, Text t) { o.launcher = parse_launcher(t); }},
      {"x", "", "VAR[=VALUE]", "OMP_NUM_THREADS=1",
       "give all ranks an environment variable (repeatable)",
       [](Options& o, Text t) { o.exports.push_back(t); }},
      {"", "mpi-arg", "ARG", "--report-bindings", "hand ARG to mpirun or srun (repeatable)",
       [](Options& o, Text t) { o.mpi_arguments.push_back(t); }},
      {"", "output", "DIR", "results", "write what each rank prints to DIR/rank.N",
       [](Options& o, Text t) { o.output = not_empty("--output", t); }},
      {"", "tag-output", "", "", "begin each line of output with its rank",
       [](Options& o, Text) { o.tag_output = true; }},
      {"", "timeout", "TIME", "90s", "stop the job after 90, 90s, 5m or 1h; status 124",
       [](Options& o, Text t) { o.timeout = parse_duration("--timeout", t); }},
      {"", "grace", "TIME", "1m",
       "what the job has to stop by itself, after SIGTERM or\nthe timeout (10s)",
       [](Options& o, Text t) {
         o.grace = t == "0" ? std::chrono::milliseconds(0) : parse_duration("--grace", t);
       }},
      {"", "dry-run", "", "", "print the command with its environment, and stop",
       [](Options& o, Text) { o.dry_run = true; }},
      {"v", "verbose", "", "", "print the command, and all that mpirun says",
       [](Options& o, Text) { o.verbose = true; }},
      {"", "doctor", "", "", "check what jobs need, here or on the nodes of a job",
       [](Options& o, Text) { o.action = Options::Action::doctor; }},
      {"", "version", "", "", "print the version",
       [](Options& o, Text) { o.action = Options::Action::version; }},
      {"h", "help", "", "", "print this",
       [](Options& o, Text) { o.action = Options::Action::help; }},
  };
}

// "-w, --workers"
std::string shown_names(const OptionInfo& option) {
  std::string names = option.letter.empty() ? "" : "-" + option.letter;
  if (!option.word.empty()) names += (names.empty() ? "--" : ", --") + option.word;
  return names;
}

/// What is wrong, for a parser's word on `name`, an option without its dashes.
std::string describe_mismatch(const std::string& name, const std::string& said) {
  for (const OptionInfo& option : option_table()) {
    if (name != option.letter && name != option.word) continue;
    if (option.argument.empty()) return fmt::format("{} takes no value", shown_names(option));
    const std::string given = option.letter.empty() ? "--" + option.word : "-" + option.letter;
    std::string help = option.help;
    std::replace(help.begin(), help.end(), '\n', ' ');
    return fmt::format("{0} needs a value, {1}: {2}; as in {3} {4}", shown_names(option),
                       option.argument, help, given, option.example);
  }
  return said;
}

std::string names_of(const OptionInfo& option) {
  std::string names;
  if (!option.letter.empty()) names = "-" + option.letter;
  if (!option.word.empty()) names += (names.empty() ? "--" : ",--") + option.word;
  return names;
}

void check_together(const Options& options) {
  if (options.ranks && (options.workers || options.ranks_per_node || options.slots_per_rank)) {
    throw Refusal(bad_usage,
                  "-n and -w, --ranks-per-node and --slots-per-rank exclude each other: -n counts "
                  "ranks, the others share out process slots");
  }
  if (options.workers && options.slots_per_rank) {
    throw Refusal(bad_usage,
                  "-w and --slots-per-rank exclude each other: each says how many slots there are");
  }
  if (options.tag_output && !options.output.empty()) {
    throw Refusal(bad_usage,
                  "--output and --tag-output exclude each other: each rank has a file of its own");
  }
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

const std::vector<OptionInfo>& option_table() {
  static const std::vector<OptionInfo> table = make_table();
  return table;
}

std::chrono::milliseconds parse_duration(const std::string& option, const std::string& text) {
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
    throw Refusal(bad_usage, fmt::format("{} needs a time such as 90, 90s, 5m or 1h, not \"{}\"",
                                         option, text));
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(length));
}

Options parse_options(const std::vector<std::string>& arguments) {
  const auto& table = option_table();
  std::vector<std::vector<std::string>> given(table.size());
  std::vector<int> flags(table.size());
  CLI::App app;
  app.set_help_flag();
  app.prefix_command();  // the first argument that is no option is the program
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i].argument.empty()) {
      app.add_flag(names_of(table[i]), flags[i])->disable_flag_override();
    } else {
      app.add_option(names_of(table[i]), given[i])->allow_extra_args(false);
    }
  }
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::Error& error) {
    std::string said = error.what();
    auto name = said.substr(0, said.find_first_of(": "));
    name.erase(0, name.find_first_not_of('-'));
    throw Refusal(bad_usage, describe_mismatch(name, said) + "; see mpx-run --help");
  }

  Options options;
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (flags[i] > 0) table[i].set(options, {});
  }
  using Action = Options::Action;
  if (options.action == Action::help || options.action == Action::version) return options;
  for (std::size_t i = 0; i < table.size(); ++i) {
    for (const std::string& argument : given[i]) table[i].set(options, argument);
  }
  check_together(options);
  options.program = app.remaining();
  if (!options.program.empty() && options.program.front() == "--") {
    options.program.erase(options.program.begin());
  }
  if (options.action == Action::doctor) {
    if (options.program.empty()) return options;
    throw Refusal(bad_usage,
                  fmt::format("--doctor runs no program: leave out {}", options.program.front()));
  }
  check_program(options.program);
  return options;
}

std::string version_text() { return MPX_VERSION; }

std::string help_text() {
  std::string text =
      "usage: mpx-run [options] program [arguments]\n"
      "Runs a libmpx program here, on other nodes, or on all nodes of a batch job\n"
      "(Slurm, PBS, SGE): rank 0 runs main, one more rank on each node the processes.\n\n";
  for (const OptionInfo& option : option_table()) {
    std::string name = option.letter.empty() ? "    " : "-" + option.letter;
    if (!option.word.empty()) name += (option.letter.empty() ? "--" : ", --") + option.word;
    if (!option.argument.empty()) name += " " + option.argument;
    std::istringstream lines(option.help);
    for (std::string line; std::getline(lines, line); name.clear()) {
      text += fmt::format("  {:<23} {}\n", name, line);
    }
  }
  return text + R"(
The exit status is the program's own; 128+n after signal n; 124 on time-out;
126 or 127 if the program cannot be run; 2 for a mistake on the command line.
Examples:
  mpx-run -w 8 --timeout 10m ./simulate --steps 1000
  mpx-run -w 64 --host node1:32,node2:32 -x OMP_NUM_THREADS=1 ./simulate
  mpx-run --mpi-arg --report-bindings ./program
)";
}

}  // namespace mpx::runner
