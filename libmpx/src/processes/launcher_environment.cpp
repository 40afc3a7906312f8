#include "processes/launcher_environment.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <vector>

namespace mpx::detail {

namespace {

// Seen with `env -i mpirun -n 1 env` of Open MPI 4.1.4 and 5.0.7, whose launcher is PRTE.
constexpr std::array<std::string_view, 18> kPrefixes{"OMPI_COMM_WORLD_",
                                                     "OMPI_WORLD_",
                                                     "OMPI_UNIVERSE_",
                                                     "OMPI_NUM_",
                                                     "OMPI_APP_CTX_",
                                                     "OMPI_MCA_orte_",
                                                     "OMPI_MCA_ess",
                                                     "OMPI_MCA_pmix",
                                                     "OMPI_MCA_prte_",
                                                     "OMPI_MCA_shmem_RUNTIME_QUERY",
                                                     "PMIX_",
                                                     "PRTE_",
                                                     "ORTE_",
                                                     "PMI_",
                                                     "PMI2_",
                                                     "OMPI_MCA_initial_wdir",
                                                     "OMPI_MCA_mpi_oversubscribe",
                                                     "OMPI_LAUNCH"};
constexpr std::array<std::string_view, 15> kNames{
    "OMPI_ARGV",          "OMPI_COMMAND",
    "OMPI_FILE_LOCATION", "OMPI_FIRST_RANKS",
    "OMPI_LIBDIR_LOC",    "OMPI_MCA_PREFIXES",
    "OMPI_MCA_cpu_type",  "OMPI_MCA_mca_base_component_path",
    "OMPI_MCA_num_procs", "OMPI_TOOL_NAME",
    "OMPI_VERSION",       "OPAL_USER_PARAMS_GIVEN",
    "MPX_COMPLETION",     "MPX_SLOTS",
    "MPX_CPUS_PER_SLOT"};
constexpr std::array<std::string_view, 3> kUsers{"PMIX_MCA_", "PRTE_MCA_",
                                                 "PRTE_ALLOW_RUN_AS_ROOT"};

}  // namespace

bool is_launcher_variable(std::string_view name) {
  const auto starts = [&](std::string_view prefix) { return name.starts_with(prefix); };
  if (std::any_of(kUsers.begin(), kUsers.end(), starts)) return false;
  return std::any_of(kPrefixes.begin(), kPrefixes.end(), starts) ||
         std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

void remove_launcher_variables() {
  std::vector<std::string> names;  // first all, as removal moves the others
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text(*entry);
    const auto name = text.substr(0, text.find('='));
    if (is_launcher_variable(name)) names.emplace_back(name);
  }
  for (const auto& name : names) ::unsetenv(name.c_str());
}

}  // namespace mpx::detail
