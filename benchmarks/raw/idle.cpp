// Rank 1 waits in MPI_Recv while rank 0 sleeps: what waiting costs, and how soon it is over.
#include <mpi.h>
#include <unistd.h>

#include <cstdint>
#include <thread>

#include "common/bench.hpp"
#include "common/cpu_time.hpp"

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const bool quick = bench::quick(argc, argv);
  const auto idle = std::chrono::milliseconds(quick ? 10 : 3000);
  const int wakes = quick ? 2 : 50;
  std::int64_t stamp = 0;
  if (rank == 0) {
    std::this_thread::sleep_for(idle);
    MPI_Send(&stamp, 1, MPI_INT64_T, 1, 0, MPI_COMM_WORLD);
    for (int i = 0; i < wakes; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(quick ? 1 : 20));
      stamp = bench::now_ns();
      MPI_Send(&stamp, 1, MPI_INT64_T, 1, 0, MPI_COMM_WORLD);
    }
  } else if (rank == 1) {
    const double before = bench::cpu_ns(getpid());
    const double waited = bench::seconds(
        [&] { MPI_Recv(&stamp, 1, MPI_INT64_T, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE); });
    const double used = (bench::cpu_ns(getpid()) - before) * 1e-9;
    bench::emit("idle", "raw", 1, "cpu", "%", 100 * used / waited);
    std::vector<double> delays;
    for (int i = 0; i < wakes; ++i) {
      MPI_Recv(&stamp, 1, MPI_INT64_T, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      delays.push_back(static_cast<double>(bench::now_ns() - stamp) * 1e-3);
    }
    bench::emit("wake", "raw", 8, "delay", "us", bench::median(delays));
  }
  MPI_Finalize();
}
