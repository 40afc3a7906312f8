// Rank 0 returns the status given, or dies of the signal given as -n; the other ranks return 0.
// With a second argument, writes to the completion file what libmpx would: all, or "started" only.

#include <mpi.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const int status = argc > 1 ? std::atoi(argv[1]) : 0;
  const std::string notes = argc > 2 ? argv[2] : "";
  std::cerr << "rank " + std::to_string(rank) + " was here\n";  // one write: ranks share it
  if (rank == 0 && !notes.empty()) {
    std::ofstream completion(std::getenv("MPX_COMPLETION"), std::ios::app);
    completion << "started\n";
    if (notes != "started") completion << "status " << notes << '\n';
  }
  MPI_Barrier(MPI_COMM_WORLD);
  if (rank == 0 && status < 0) {
    std::signal(-status, SIG_DFL);
    std::raise(-status);
  }
  MPI_Finalize();
  return rank == 0 ? status : 0;
}
