#include "plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "rank_output.hpp"
#include "refusal.hpp"

namespace mpx::runner {
namespace {

using Words = std::vector<std::string>;

void append(Words& to, const Words& words) { to.insert(to.end(), words.begin(), words.end()); }

bool has_shell_meaning(char c) {
  const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return !plain && std::string_view("_-+=.,/:@%").find(c) == std::string_view::npos;
}

std::string quote(const std::string& word) {
  if (!word.empty() && std::none_of(word.begin(), word.end(), has_shell_meaning)) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

void check_exports(const Options& options, const Facts& facts) {
  for (const std::string& variable : options.exports) {
    if (variable.empty() || variable.front() == '=') {
      throw Refusal(bad_usage, "-x needs VAR or VAR=VALUE");
    }
    if (variable.find('=') == std::string::npos && !facts.environment(variable)) {
      throw Refusal(bad_usage,
                    fmt::format("-x {0}: {0} is not set; set it, or write -x {0}=VALUE", variable));
    }
  }
}

/// One number says the same of every worker rank, and a long list would not fit a command line.
std::string slot_list(const std::vector<int>& slots) {
  constexpr std::size_t kLong = 64;
  if (slots.size() > kLong && std::count(slots.begin(), slots.end(), slots[0]) ==
                                  static_cast<std::ptrdiff_t>(slots.size())) {
    return std::to_string(slots[0]);
  }
  return fmt::format("{}", fmt::join(slots, ","));
}

/// What MPI and libmpx are to know, as variables of every rank.
Variables rank_variables(const Options& options, const Facts& facts, const Layout* layout,
                         std::size_t nodes) {
  Variables variables = rank_settings(options, facts, nodes > 1);
  if (layout) variables.emplace_back("MPX_SLOTS", slot_list(layout->slots));
  if (options.cpus_per_slot) {
    variables.emplace_back("MPX_CPUS_PER_SLOT", std::to_string(*options.cpus_per_slot));
  }
  return variables;
}

/// The program in the hands of a shell that becomes the rank: no process stands between it and its
/// launcher.
Words after(const std::string& script, const std::string& name, const Words& program) {
  Words words = {"/bin/sh", "-c", script + "exec \"$@\"", name};
  append(words, program);
  return words;
}

bool uses_relays(const Options& options) { return options.tag_output || !options.output.empty(); }

/// The program, where its ranks' output does not simply go to the launcher, or a hang-up must not end
/// them: mpirun lets its ranks heed it.
Words program_of(const Options& options, const Facts& facts, bool srun) {
  Words words = options.program;
  if (srun && !options.output.empty()) {
    // Not by way of a process that might still write when its rank has ended: Slurm would end it.
    return after("mkdir -p \"$0\" && exec >\"$0/rank.${PMIX_RANK-$SLURM_PROCID}\" 2>&1 && ",
                 options.output, words);
  }
  if (!srun && uses_relays(options)) {
    words = as_rank(facts.self, options.output, words);
  }
  return facts.hangup_is_ignored && !srun ? after("trap '' HUP; ", "mpx-run", words) : words;
}

/// A node name for each rank.
Words rank_places(const Layout& layout) {
  Words places;
  for (const Host& node : layout.nodes)
    places.insert(places.end(), static_cast<std::size_t>(*node.slots), node.name);
  return places;
}

Words with_counts(const std::vector<Host>& hosts) {
  Words words;
  for (const Host& host : hosts) {
    words.push_back(host.slots ? fmt::format("{}:{}", host.name, *host.slots) : host.name);
  }
  return words;
}

Words mpirun_places(const Options& options, const Facts& facts, const Resources& resources,
                    const Layout* layout) {
  const auto list = [](const Words& words) { return fmt::format("{}", fmt::join(words, ",")); };
  if (layout) {
    if (layout->nodes.empty()) return {};
    // mpirun takes no more of a node than Slurm has counted tasks there, unless each rank is named.
    if (facts.allocation.in_slurm() && options.hosts.empty() && options.hostfile.empty() &&
        facts.version.major < 5) {
      return {"--host", list(rank_places(*layout)), "--map-by", "seq"};
    }
    // In this order and with these numbers, filling slot by slot puts each rank where it belongs.
    return {"--host", list(with_counts(layout->nodes)), "--map-by", "slot"};
  }
  // mpirun knows Slurm's nodes itself, not those of PBS and SGE in every build.
  const bool given = !options.hosts.empty() || !options.hostfile.empty();
  if (options.nodes || (!given && !facts.allocation.in_slurm())) {
    const auto hosts = first_nodes(options, resources.hosts);
    return hosts.empty() ? Words{} : Words{"--host", list(with_counts(hosts))};
  }
  Words words;
  if (!options.hostfile.empty()) append(words, {"--hostfile", options.hostfile});
  if (!options.hosts.empty()) append(words, {"--host", options.hosts});
  return words;
}

Plan plan_mpirun(const Options& options, const Facts& facts, const Resources& resources,
                 const Layout* layout, std::size_t nodes) {
  if (facts.mpirun.empty()) throw Refusal(not_found, facts.mpirun_trouble);
  check_root(options, facts);
  Plan plan;
  plan.environment = mpirun_settings(options, facts, nodes > 1);
  plan.relays = uses_relays(options);
  auto& command = plan.command;
  append(command, {facts.mpirun, "-n", std::to_string(layout ? layout->ranks() : *options.ranks)});
  append(command, mpirun_places(options, facts, resources, layout));
  for (const auto& [name, value] : rank_variables(options, facts, layout, nodes)) {
    append(command, {"-x", name + "=" + value});
  }
  for (const std::string& variable : options.exports) append(command, {"-x", variable});
  append(command, options.mpi_arguments);
  append(command, program_of(options, facts, false));
  return plan;
}

void check_srun(const Options& options, const Facts& facts) {
  if (!facts.allocation.in_slurm()) {
    throw Refusal(bad_usage,
                  "--launcher srun works inside a Slurm job only; start one with salloc or sbatch");
  }
  if (facts.srun.empty()) throw Refusal(not_found, "srun is not on PATH; use --launcher mpirun");
  if (!options.hosts.empty() || !options.hostfile.empty()) {
    throw Refusal(bad_usage,
                  "--host and --hostfile do not go with srun, which uses the nodes of the job; use "
                  "--launcher mpirun, or -N");
  }
  if (const auto file = facts.environment("SLURM_HOSTFILE")) {
    throw Refusal(bad_usage, fmt::format("SLURM_HOSTFILE is set ({}) and would decide where ranks "
                                         "run; unset it",
                                         *file));
  }
}

Plan plan_srun(const Options& options, const Facts& facts, const Layout* layout,
               std::size_t nodes) {
  check_srun(options, facts);
  Plan plan;
  plan.srun = true;
  plan.environment = srun_settings(options, facts);
  for (const Variable& variable : rank_variables(options, facts, layout, nodes)) {
    plan.environment.push_back(variable);
  }
  for (const std::string& variable : options.exports) {  // --export=ALL hands on the rest
    const auto equals = variable.find('=');
    if (equals != std::string::npos) {
      plan.environment.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
    }
  }
  auto& command = plan.command;
  // More ranks than CPUs of the step, none of them bound: they supervise, and bind processes.
  append(command, {facts.srun, "--mpi=pmix", "--overcommit", "--cpu-bind=none",
                   "--kill-on-bad-exit=1", "--quit-on-interrupt", "--export=ALL", "--input=0"});
  if (layout) {
    append(command, {"--ntasks=" + std::to_string(layout->ranks()),
                     "--nodes=" + std::to_string(layout->nodes.size()), "--distribution=arbitrary",
                     fmt::format("--nodelist={}", fmt::join(rank_places(*layout), ","))});
  } else {
    append(command, {"--ntasks=" + std::to_string(*options.ranks)});
    if (options.nodes) append(command, {"--nodes=" + std::to_string(*options.nodes)});
  }
  if (options.tag_output) append(command, {"--label"});
  append(command, options.mpi_arguments);
  append(command, program_of(options, facts, true));
  return plan;
}

}  // namespace

bool uses_srun(const Options& options, const Facts& facts) {
  if (options.launcher != Launcher::automatic) return options.launcher == Launcher::srun;
  return facts.mpirun.empty() && facts.allocation.in_slurm() && !facts.srun.empty();
}

Resources find_resources(const Options& options, const Facts& facts) {
  if (options.hostfile.empty() && options.hosts.empty()) return {facts.allocation.hosts, true};
  if (options.hostfile.empty()) return {parse_host_list(options.hosts), false};
  if (options.hosts.empty()) return {read_hostfile(options.hostfile), false};
  // mpirun reads both, and takes the hosts of the list from the file.
  if (options.ranks && !options.nodes) return {parse_host_list(options.hosts), false};
  throw Refusal(bad_usage, "give --host or --hostfile; both go together only with -n");
}

Plan make_plan(const Options& options, const Facts& facts, const Resources& resources) {
  check_exports(options, facts);
  std::optional<Layout> layout;
  if (!options.ranks) layout = lay_out(options, resources, facts.cores, facts.host_name);
  const Layout* known = layout ? &*layout : nullptr;
  const auto& nodes = layout ? layout->nodes : resources.hosts;
  auto plan = uses_srun(options, facts)
                  ? plan_srun(options, facts, known, nodes.size())
                  : plan_mpirun(options, facts, resources, known, nodes.size());
  for (const Host& node : nodes) plan.nodes.push_back(node.name);
  return plan;
}

std::string to_shell(const Plan& plan) {
  Words words;
  for (const auto& [name, value] : plan.environment) words.push_back(name + "=" + quote(value));
  for (const std::string& word : plan.command) words.push_back(quote(word));
  return fmt::format("{}", fmt::join(words, " "));
}

}  // namespace mpx::runner
