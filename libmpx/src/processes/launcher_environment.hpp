#pragma once

#include <string_view>

namespace mpx::detail {

/// Whether a launcher of MPI programs (mpx-run too) sets this variable for the programs it starts,
/// so that an MPI program started from there would take itself for one of them. Not so for settings
/// that users make themselves: OMPI_MCA_btl and the like, OMPI_ALLOW_RUN_AS_ROOT, PMIX_MCA_…,
/// SLURM_….
[[nodiscard]] bool is_launcher_variable(std::string_view name);

/// Removes all such variables from this process's environment.
void remove_launcher_variables();

}  // namespace mpx::detail
