#pragma once

#include <mpi.h>

#include <cstddef>

namespace mpx::detail {

/// Collective: throws LaunchError on every rank unless each rank's node has room for a shared
/// window of `bytes` (of all its ranks together; 0: none) where Open MPI makes it, in /dev/shm.
/// Open MPI itself waits for ever where only one rank finds that there is none.
void require_shared_memory(MPI_Comm communicator, std::size_t bytes);

/// A bus error, which is what touching shared memory is once /dev/shm is full, is explained on
/// stderr before it ends this process. Leaves alone a handler that the program has set.
void explain_bus_errors();

}  // namespace mpx::detail
