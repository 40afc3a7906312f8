#include "plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "refusal.hpp"

namespace mpx::runner {
namespace {

// Where the worker ranks are, and their slots. Rank 0 runs on the first node, beside its worker.
struct Layout {
  std::vector<Host> ranks;  // one entry a node, slots = ranks there; none: this machine
  std::vector<int> slots;   // of worker ranks 1, 2, …
};

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

int slots_of(const Host& host, const Options& options, const Facts& facts) {
  if (host.slots) return *host.slots;
  if (options.workers) return 1;  // only the proportion counts
  if (is_local(host.name, facts.host_name)) return facts.cores;
  throw Refusal(bad_usage, fmt::format("the hostfile does not say how many slots {0} has; add "
                                       "slots=N to its line, or give -w",
                                       host.name));
}

Layout lay_out(const Options& options, const Facts& facts, const std::vector<Host>& hosts) {
  if (hosts.empty()) return {{}, {options.workers.value_or(facts.cores)}};
  std::vector<int> weights;
  int sum = 0;
  for (const Host& host : hosts) {
    weights.push_back(slots_of(host, options, facts));
    sum += weights.back();
  }
  const auto shares = share_out(options.workers.value_or(sum), weights);
  Layout layout;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const int ranks = (i == 0 ? 1 : 0) + (shares[i] > 0 ? 1 : 0);
    if (ranks > 0) layout.ranks.push_back({hosts[i].name, ranks});
    if (shares[i] > 0) layout.slots.push_back(shares[i]);
  }
  return layout;
}

// Settings that libmpx needs from this Open MPI. opal_event_include=epoll is not among them: ranks
// set it themselves, and mpirun itself prints warnings with it.
std::vector<std::pair<std::string, std::string>> wanted_parameters(const Facts& facts,
                                                                   bool several_nodes) {
  if (facts.version.major >= 5) {
    return {{"PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe"},
            {"PRTE_MCA_hwloc_default_binding_policy", "none"}};
  }
  std::vector<std::pair<std::string, std::string>> wanted = {
      {"OMPI_MCA_rmaps_base_oversubscribe", "1"},
      // Workers bind their processes themselves; a bound rank would share one core with them all.
      {"OMPI_MCA_hwloc_base_binding_policy", "none"}};
  if (!facts.infiniband) {
    // The other one-sided components fail between nodes and crash within one.
    wanted.emplace_back("OMPI_MCA_osc", "sm,pt2pt");
  }
  if (several_nodes) {
    // A link that is silently down then ends the job within 10 s instead of 8 minutes.
    wanted.emplace_back("OMPI_MCA_oob_tcp_keepalive_time", "3");
    wanted.emplace_back("OMPI_MCA_oob_tcp_keepalive_intvl", "1");
    wanted.emplace_back("OMPI_MCA_oob_tcp_keepalive_probes", "3");
  }
  return wanted;
}

bool set_by_user(const std::string& variable, const Options& options, const Facts& facts) {
  const std::string parameter = variable.substr(variable.find("_MCA_") + 5);
  const auto names_it = [&](const std::string& text) {
    return text == variable || text.starts_with(variable + "=");
  };
  return facts.environment(variable) || facts.user_parameters.contains(parameter) ||
         std::any_of(options.exports.begin(), options.exports.end(), names_it);
}

bool has_argument(const Options& options, const std::string& argument) {
  const auto& all = options.mpi_arguments;
  return std::find(all.begin(), all.end(), argument) != all.end();
}

// mpirun refuses to run as root unless told to; that decision stays the user's.
void check_root(const Options& options, const Facts& facts) {
  const auto allowed = [&](const std::string& prefix) {
    return facts.environment(prefix + "_ALLOW_RUN_AS_ROOT") == "1" &&
           facts.environment(prefix + "_ALLOW_RUN_AS_ROOT_CONFIRM") == "1";
  };
  if (!facts.root || has_argument(options, "--allow-run-as-root") ||
      has_argument(options, "-allow-run-as-root") || allowed("OMPI") ||
      (facts.version.major >= 5 && allowed("PRTE"))) {
    return;
  }
  throw Refusal(bad_usage,
                "mpirun refuses to run as root; run as another user, or set "
                "OMPI_ALLOW_RUN_AS_ROOT=1 and OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1");
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

}  // namespace

bool is_local(const std::string& host, const std::string& host_name) {
  const auto short_name = [](const std::string& name) { return name.substr(0, name.find('.')); };
  return host == "localhost" || host == "127.0.0.1" || host == host_name ||
         (host.find_first_not_of("0123456789.") != std::string::npos &&
          short_name(host) == short_name(host_name));
}

Plan make_plan(const Options& options, const Facts& facts, const std::vector<Host>& hosts) {
  check_root(options, facts);
  check_exports(options, facts);
  Plan plan;
  for (const auto& [variable, value] : wanted_parameters(facts, hosts.size() > 1)) {
    if (!set_by_user(variable, options, facts)) plan.environment.emplace_back(variable, value);
  }
  auto& command = plan.command;
  const auto add = [&](auto... words) { (command.emplace_back(words), ...); };

  add(facts.mpirun);
  if (options.ranks) {
    add("-n", std::to_string(*options.ranks));
    if (!options.hostfile.empty()) add("--hostfile", options.hostfile);
    if (!options.hosts.empty()) add("--host", options.hosts);
  } else {
    const Layout layout = lay_out(options, facts, hosts);
    add("-n", std::to_string(layout.slots.size() + 1));
    if (!layout.ranks.empty()) {
      std::vector<std::string> places;
      for (const Host& host : layout.ranks) {
        places.push_back(fmt::format("{}:{}", host.name, host.slots.value_or(1)));
      }
      // In this order and with these numbers, filling slot by slot puts each rank where it belongs.
      add("--host", fmt::format("{}", fmt::join(places, ",")), "--map-by", "slot");
    }
    add("-x", fmt::format("MPX_SLOTS={}", fmt::join(layout.slots, ",")));
  }
  for (const std::string& variable : options.exports) add("-x", variable);
  for (const std::string& argument : options.mpi_arguments) add(argument);
  command.insert(command.end(), options.program.begin(), options.program.end());
  return plan;
}

std::string to_shell(const Plan& plan) {
  std::vector<std::string> words;
  for (const auto& [name, value] : plan.environment) words.push_back(name + "=" + quote(value));
  for (const std::string& word : plan.command) words.push_back(quote(word));
  return fmt::format("{}", fmt::join(words, " "));
}

}  // namespace mpx::runner
