#pragma once

#include <sys/types.h>

#include <filesystem>

namespace mpx::runner {

/// Removes what Open MPI leaves on this machine when mpirun itself is killed. 4.1: the folder
/// `tmp`/ompi.HOST.UID/pid.MPIRUN, and the ranks' shared memory `shm`/vader_segment.HOST.UID.JOB.N,
/// where that folder's contact.txt tells the job. 5.0: the folder `tmp`/prterun.HOST.MPIRUN.UID, and
/// `shm`/sm_segment.HOST.UID.JOB.N, where HOST and MPIRUN tell the job. Call it when mpirun has
/// ended; one that ended in good order has left nothing. As long as any process has one of the files
/// mapped, all stay.
void remove_leftovers(pid_t mpirun, const std::filesystem::path& tmp,
                      const std::filesystem::path& shm = "/dev/shm");

/// Where mpirun keeps its folder.
[[nodiscard]] std::filesystem::path mpirun_folder();

}  // namespace mpx::runner
