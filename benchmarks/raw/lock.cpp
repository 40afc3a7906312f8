// A spin lock of two compare_and_swap, each with its flush, on a word of rank 0: alone, and
// fought over by two ranks.
#include <mpi.h>

#include <cstdint>

#include "common/bench.hpp"

namespace {

class SpinLock {
 public:
  SpinLock() {
    std::int64_t* base = nullptr;
    MPI_Win_allocate(64, 8, MPI_INFO_NULL, MPI_COMM_WORLD, &base, &window_);
    *base = 0;
    MPI_Win_lock_all(MPI_MODE_NOCHECK, window_);
    MPI_Win_sync(window_);
    MPI_Barrier(MPI_COMM_WORLD);
  }
  SpinLock(const SpinLock&) = delete;
  SpinLock& operator=(const SpinLock&) = delete;
  ~SpinLock() {
    MPI_Win_unlock_all(window_);
    MPI_Win_free(&window_);
  }
  void lock() {
    while (swap(0, 1) != 0) {
    }
  }
  void unlock() { swap(1, 0); }

 private:
  std::int64_t swap(std::int64_t expected, std::int64_t desired) {
    std::int64_t old = 0;
    MPI_Compare_and_swap(&desired, &expected, &old, MPI_INT64_T, 0, 0, window_);
    MPI_Win_flush(0, window_);
    return old;
  }
  MPI_Win window_ = MPI_WIN_NULL;
};

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const int pairs = bench::quick(argc, argv) ? 20 : 20000;
  {
    SpinLock lock;
    const auto take_turns = [&] {
      for (int i = 0; i < pairs; ++i) {
        lock.lock();
        lock.unlock();
      }
    };
    if (rank == 0) {
      const double time = bench::median_seconds(9, take_turns);
      bench::emit("lock_uncontended", "raw", 1, "pair", "us", time / pairs * 1e6);
      bench::emit("lock_rank", "raw", 1, "operation", "us", time / (2 * pairs) * 1e6);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    const double time = bench::median_seconds(5, [&] {
      take_turns();
      MPI_Barrier(MPI_COMM_WORLD);
    });
    if (rank == 0) bench::emit("lock_contended", "raw", 2, "pair", "us", time / (2 * pairs) * 1e6);
  }
  MPI_Finalize();
}
