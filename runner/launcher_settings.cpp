#include "launcher_settings.hpp"

#include <algorithm>

#include "refusal.hpp"

namespace mpx::runner {
namespace {

// Settings that libmpx needs from this Open MPI.
Variables wanted_parameters(const Facts& facts, bool several_nodes) {
  const bool five = facts.version.major >= 5;  // its launcher is PRTE
  // PRTE without "slot" would fill the first node, whatever slots others have.
  // Workers bind their processes themselves; a bound rank would share one core with them all.
  Variables wanted = {
      five ? Variable{"PRTE_MCA_rmaps_default_mapping_policy", "slot:oversubscribe"}
           : Variable{"OMPI_MCA_rmaps_base_oversubscribe", "1"},
      {five ? "PRTE_MCA_hwloc_default_binding_policy" : "OMPI_MCA_hwloc_base_binding_policy",
       "none"}};
  if (!five && !facts.infiniband) {
    // The other one-sided components fail between nodes and crash within one.
    wanted.emplace_back("OMPI_MCA_osc", "sm,pt2pt");
  }
  if (several_nodes) {
    // A link that is silently down then ends the job within 10 s instead of 8 minutes.
    const std::string prefix = five ? "PRTE_MCA_oob_tcp_keepalive_" : "OMPI_MCA_oob_tcp_keepalive_";
    wanted.emplace_back(prefix + "time", "3");
    wanted.emplace_back(prefix + "intvl", "1");
    wanted.emplace_back(prefix + "probes", "3");
  }
  return wanted;
}

bool set_by_user(const std::string& variable, const Options& options, const Facts& facts) {
  const auto infix = variable.find("_MCA_");
  const auto names_it = [&](const std::string& text) {
    return text == variable || text.starts_with(variable + "=");
  };
  return facts.environment(variable) ||
         (infix != std::string::npos &&
          facts.user_parameters.contains(variable.substr(infix + 5))) ||
         std::any_of(options.exports.begin(), options.exports.end(), names_it);
}

Variables without_users(Variables wanted, const Options& options, const Facts& facts) {
  std::erase_if(
      wanted, [&](const Variable& setting) { return set_by_user(setting.first, options, facts); });
  return wanted;
}

bool has_argument(const Options& options, const std::string& argument) {
  const auto& all = options.mpi_arguments;
  return std::find(all.begin(), all.end(), argument) != all.end();
}

}  // namespace

Variables mpirun_settings(const Options& options, const Facts& facts, bool several_nodes) {
  return without_users(wanted_parameters(facts, several_nodes), options, facts);
}

// Programs of mpx::run and of mpx::prepare() do this themselves, other MPI programs cannot: with
// the default, poll, rank 0 pays for all its connections whenever it looks. mpirun itself prints
// warnings with it.
Variables rank_settings(const Options& options, const Facts& facts, bool several_nodes) {
  if (!several_nodes || facts.version.major >= 5) return {};
  return without_users({{"OMPI_MCA_opal_event_include", "epoll"}}, options, facts);
}

// Slurm's default for a fence without data is a tree of nodes, which in 22.05 is empty where a job
// has fewer nodes than TreeWidth, 50 by default (common/reverse_tree.c): nobody waits for another
// node. A rank then leaves MPI_Init early, and its first message kills a rank of Open MPI 4.1 that
// is still in it (btl_tcp calls a receiver that is not there yet).
Variables srun_settings(const Options& options, const Facts& facts) {
  return without_users({{"SLURM_PMIX_FENCE", "ring"}}, options, facts);
}

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

}  // namespace mpx::runner
