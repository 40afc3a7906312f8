// What rank 0 pays for its connections, by the number of ranks (size): CPU time to receive a
// stream of messages from each peer in turn, and to do nothing.
#include <mpi.h>
#include <unistd.h>

#include <mpx/mpi.hpp>
#include <mpx/mpx.hpp>
#include <stdexcept>
#include <vector>

#include "common/bench.hpp"
#include "common/cpu_time.hpp"

namespace {

/// Sends as many numbers as it is asked for, until that is 0.
void stream(const mpx::Connection& link) {
  for (int count = link.recv<int>(); count > 0; count = link.recv<int>()) {
    for (int i = 0; i < count; ++i) link.send(i);
  }
}

/// CPU time of rank 0, in ns, for `count` messages from each peer.
double receive(const std::vector<mpx::Connection>& peers, int count) {
  const double before = bench::cpu_ns(getpid());
  for (const auto& peer : peers) {
    peer.send(count);
    for (int i = 0; i < count; ++i) peer.recv<int>();
  }
  return bench::cpu_ns(getpid()) - before;
}

void measure(const std::vector<mpx::Connection>& peers, bool quick) {
  const auto size = static_cast<long>(peers.size()) + 1;
  const auto count = static_cast<double>(peers.size());
  const int messages = quick ? 10 : 5000;
  receive(peers, 1);  // all are connected
  std::vector<double> times;
  for (int pass = 0; pass < 5; ++pass) times.push_back(receive(peers, messages));
  const double time = bench::median(times) / count / messages;
  bench::emit("peers", "mpx", size, "cpu_per_peer", "us", time * 1e-3);

  // Without the first second, in which a rank looks more often.
  const auto wait = [&](int milliseconds) {
    if (peers[0].poll_for(std::chrono::milliseconds(milliseconds)))
      throw std::runtime_error("peers: a peer speaks without being asked");
  };
  wait(quick ? 1 : 1500);
  const double before = bench::cpu_ns(getpid());
  const double length = bench::seconds([&] { wait(quick ? 10 : 3000); });
  const double used = (bench::cpu_ns(getpid()) - before) * 1e-9;
  bench::emit("peers", "mpx", size, "idle", "%", 100 * used / length);
  for (const auto& peer : peers) peer.send(0);
}

}  // namespace

int main(int argc, char** argv) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  {
    mpx::Session session(MPI_COMM_WORLD);
    const mpx::Queue<mpx::Connection> ends(mpx::named("ends"));
    if (session.rank() == 0) {
      std::vector<mpx::Connection> peers;
      for (int i = 1; i < session.size(); ++i) {
        const auto [near, far] = mpx::pipe();
        peers.push_back(near);
        ends.put(far);
      }
      measure(peers, bench::quick(argc, argv));
    } else {
      stream(ends.get());
    }
  }
  MPI_Finalize();
}
