// The ranks of a Session meet at a Barrier over and over.
#include <mpi.h>

#include <mpx/mpi.hpp>
#include <mpx/mpx.hpp>

#include "common/bench.hpp"

int main(int argc, char** argv) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  {
    mpx::Session session(MPI_COMM_WORLD);
    const int ranks = session.size();
    const mpx::Queue<mpx::Barrier> barriers(mpx::named("barriers"));
    const bool first = session.rank() == 0;
    const mpx::Barrier barrier =
        first ? mpx::Barrier(static_cast<std::size_t>(ranks)) : barriers.get();
    for (int i = 1; first && i < ranks; ++i) barriers.put(barrier);
    const double time = bench::barrier_time(bench::quick(argc, argv), [&] { barrier.wait(); });
    if (first) bench::emit("barrier", "mpx", ranks, "time", "us", time * 1e6);
  }
  MPI_Finalize();
}
