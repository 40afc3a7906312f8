// Round trips between two ranks that both run user code: no process, no channel in between.
#include <mpi.h>

#include <mpx/mpi.hpp>
#include <mpx/mpx.hpp>
#include <vector>

#include "common/bench.hpp"

namespace {

using Message = std::vector<char>;

void echo(const mpx::Connection& link) {
  for (auto message = link.recv<Message>(); !message.empty(); message = link.recv<Message>()) {
    link.send(message);
  }
}

void ping(const mpx::Connection& link, bool quick) {
  for (const auto [size, round_trips] : bench::pipe_cases(quick)) {
    const Message message(static_cast<std::size_t>(size));
    const double time = bench::median_seconds(9, [&, n = round_trips] {
      for (int i = 0; i < n; ++i) {
        link.send(message);
        link.recv<Message>();
      }
    });
    bench::emit_pipe("pipe_rank", "mpx", size, time / round_trips);
  }
  link.send(Message());  // ends the echo
}

}  // namespace

int main(int argc, char** argv) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  {
    mpx::Session session(MPI_COMM_WORLD);
    const mpx::Queue<mpx::Connection> ends(mpx::named("ends"));
    if (session.rank() == 0) {
      const auto [near, far] = mpx::pipe();
      ends.put(far);
      ping(near, bench::quick(argc, argv));
    } else {
      echo(ends.get());
    }
  }
  MPI_Finalize();
}
