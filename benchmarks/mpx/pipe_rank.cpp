// Round trips between two ranks that both run user code: no process, no channel in between.
#include <mpi.h>

#include <mpx/mpi.hpp>
#include <mpx/mpx.hpp>

#include "common/ping_pong.hpp"

int main(int argc, char** argv) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  {
    mpx::Session session(MPI_COMM_WORLD);
    const mpx::Queue<mpx::Connection> ends(mpx::named("ends"));
    if (session.rank() == 0) {
      const auto [near, far] = mpx::pipe();
      ends.put(far);
      bench::ping(near, "pipe_rank", bench::quick(argc, argv));
    } else {
      bench::echo(ends.get());
    }
  }
  MPI_Finalize();
}
