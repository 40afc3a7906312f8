// Ranks take and give back the exclusive lock of a window of rank 0 for a fixed time; who waits for
// it polls. Nothing is done under the lock, the best case: Open MPI takes its turn all the same.
#include <mpi.h>

#include "common/turns.hpp"

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0, ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  const auto time = bench::turns_time(bench::quick(argc, argv));
  std::int64_t* base = nullptr;
  MPI_Win window = MPI_WIN_NULL;
  MPI_Win_allocate(8, 8, MPI_INFO_NULL, MPI_COMM_WORLD, &base, &window);
  MPI_Barrier(MPI_COMM_WORLD);
  const std::int64_t own = bench::take_turns(time, [&] {
    MPI_Win_lock(MPI_LOCK_EXCLUSIVE, 0, 0, window);
    MPI_Win_unlock(0, window);
  });
  std::vector<std::int64_t> turns(static_cast<std::size_t>(ranks));
  MPI_Gather(&own, 1, MPI_INT64_T, turns.data(), 1, MPI_INT64_T, 0, MPI_COMM_WORLD);
  if (rank == 0) bench::emit_turns("handover", "raw", turns, time);
  MPI_Win_free(&window);
  MPI_Finalize();
}
