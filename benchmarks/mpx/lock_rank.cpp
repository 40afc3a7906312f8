// A Lock that nobody else wants, from a rank that is not its home.
#include <mpi.h>

#include <mpx/mpi.hpp>
#include <mpx/mpx.hpp>

#include "common/bench.hpp"

int main(int argc, char** argv) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  {
    mpx::Session session(MPI_COMM_WORLD);
    const mpx::Queue<mpx::Lock> locks(mpx::named("locks"));
    if (session.rank() == 0) {
      locks.put(mpx::Lock());
    } else {
      const auto lock = locks.get();
      const int pairs = bench::quick(argc, argv) ? 20 : 1000;
      const double time = bench::median_seconds(15, [&] {
        for (int i = 0; i < pairs; ++i) {
          lock.lock();
          lock.unlock();
        }
      });
      bench::emit("lock_rank", "mpx", 1, "operation", "us", time / (2 * pairs) * 1e6);
    }
  }  // rank 0 serves until the other has come to the end
  MPI_Finalize();
}
