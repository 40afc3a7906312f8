// Ping-pong between two ranks: what plain MPI_Send and MPI_Recv take, spinning.
#include <mpi.h>

#include <vector>

#include "common/bench.hpp"

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  for (const auto [size, round_trips] : bench::pipe_cases(bench::quick(argc, argv))) {
    std::vector<char> message(static_cast<std::size_t>(size));
    const auto pass = [&, size = static_cast<int>(size)](bool send) {
      if (send) {
        MPI_Send(message.data(), size, MPI_BYTE, 1 - rank, 0, MPI_COMM_WORLD);
      } else {
        MPI_Recv(message.data(), size, MPI_BYTE, 1 - rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      }
    };
    const double time = bench::median_seconds(9, [&, n = round_trips] {
      for (int i = 0; i < n; ++i) {
        pass(rank == 0);
        pass(rank != 0);
      }
    });
    if (rank == 0) {
      bench::emit_pipe("pipe_rank", "raw", size, time / round_trips);
      bench::emit_pipe("pipe_process", "raw", size, time / round_trips);
    }
  }
  MPI_Finalize();
}
