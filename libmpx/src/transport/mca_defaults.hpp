#pragma once

#include <string>

namespace mpx::detail {

/// Whether a launcher's variables (Open MPI's, PMIx's or PMI's) are in the environment.
bool started_by_launcher();

/// What the MPI library calls itself, on one line: "Open MPI v4.1.4, …". Needs no initialisation.
std::string mpi_version();

/// Whether this host has InfiniBand hardware.
bool has_infiniband();

/// Sets Open MPI's parameters that libmpx needs, by environment, where neither the environment nor
/// the user's own ~/.openmpi/mca-params.conf sets them. To be called before MPI_Init; `version`:
/// mpi_version().
void set_mca_defaults(const std::string& version, bool launched);

/// Only those that make messages cheaper and change nothing else of MPI: for a program that
/// initialises MPI for purposes of its own.
void set_message_defaults(const std::string& version);

}  // namespace mpx::detail
