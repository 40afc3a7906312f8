// Ranks meet at MPI_Barrier over and over.
#include <mpi.h>

#include "common/bench.hpp"

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0, ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  const double time =
      bench::barrier_time(bench::quick(argc, argv), [] { MPI_Barrier(MPI_COMM_WORLD); });
  if (rank == 0) bench::emit("barrier", "raw", ranks, "time", "us", time * 1e6);
  MPI_Finalize();
}
