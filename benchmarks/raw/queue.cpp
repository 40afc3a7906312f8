// A stream of ints from one rank to another, one message each: a queue without its guarantees.
#include <mpi.h>

#include "common/bench.hpp"

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  for (const long size : bench::queue_sizes(bench::quick(argc, argv))) {
    const double time = bench::median_seconds(3, [&, size = size] {
      int value = 0;
      for (long i = 0; i < size; ++i) {
        value = static_cast<int>(i);
        if (rank == 0) {
          MPI_Send(&value, 1, MPI_INT, 1, 0, MPI_COMM_WORLD);
        } else {
          MPI_Recv(&value, 1, MPI_INT, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        }
      }
      // The last item counts when it has been taken out.
      if (rank == 0) {
        MPI_Recv(&value, 1, MPI_INT, 1, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      } else {
        MPI_Send(&value, 1, MPI_INT, 0, 1, MPI_COMM_WORLD);
      }
    });
    if (rank == 0) {
      bench::emit("queue", "raw", size, "throughput", "1/s", static_cast<double>(size) / time);
    }
  }
  MPI_Finalize();
}
