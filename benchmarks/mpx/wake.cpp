// How soon a rank that sleeps in recv() has the message: the sender's clock against the receiver's.
#include <mpi.h>

#include <mpx/mpi.hpp>
#include <mpx/mpx.hpp>
#include <thread>
#include <vector>

#include "common/bench.hpp"

namespace {

void send_stamps(const mpx::Connection& link, int wakes, std::chrono::milliseconds pause) {
  for (int i = 0; i < wakes; ++i) {
    std::this_thread::sleep_for(pause);
    link.send(bench::now_ns());
    link.recv<int>();  // so that the message has left this rank
  }
}

void take_stamps(const mpx::Connection& link, int wakes) {
  std::vector<double> delays;
  for (int i = 0; i < wakes; ++i) {
    const auto sent = link.recv<std::int64_t>();
    delays.push_back(static_cast<double>(bench::now_ns() - sent) * 1e-3);
    link.send(0);
  }
  bench::emit("wake", "mpx", 8, "delay", "us", bench::median(delays));
}

}  // namespace

int main(int argc, char** argv) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  {
    mpx::Session session(MPI_COMM_WORLD);
    const mpx::Queue<mpx::Connection> ends(mpx::named("ends"));
    const bool quick = bench::quick(argc, argv);
    const int wakes = quick ? 2 : 50;
    if (session.rank() == 0) {
      const auto [near, far] = mpx::pipe();
      ends.put(far);
      send_stamps(near, wakes, std::chrono::milliseconds(quick ? 1 : 20));
    } else {
      take_stamps(ends.get(), wakes);
    }
  }
  MPI_Finalize();
}
