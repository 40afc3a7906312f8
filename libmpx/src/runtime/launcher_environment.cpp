#include "runtime/launcher_environment.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <vector>

namespace mpx::detail {

namespace {

// Seen with `env -i mpirun -n 1 env` of Open MPI 4.1.4; PRTE is the launcher of 5.0 (not tried).
constexpr std::array<std::string_view, 17> kPrefixes{"OMPI_COMM_WORLD_",
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
constexpr std::array<std::string_view, 7> kNames{
    "OMPI_ARGV",      "OMPI_COMMAND", "OMPI_FILE_LOCATION", "OMPI_FIRST_RANKS",
    "MPX_COMPLETION", "MPX_SLOTS",    "MPX_CPUS_PER_SLOT"};
constexpr std::array<std::string_view, 2> kUsers{"PMIX_MCA_", "PRTE_MCA_rmaps_default_"};

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
