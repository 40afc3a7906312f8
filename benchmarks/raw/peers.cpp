// What rank 0 pays for its connections with plain MPI, by the number of ranks (size): CPU time to
// receive a stream of messages from each peer in turn. Peers that have nothing to do sleep and look
// every millisecond, since ranks that spin would leave rank 0 hardly any time of the cores.
#include <mpi.h>
#include <unistd.h>

#include <vector>

#include "common/bench.hpp"
#include "common/cpu_time.hpp"

namespace {

int receive_int(int from) {
  int value = 0;
  MPI_Recv(&value, 1, MPI_INT, from, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  return value;
}

void send_int(int value, int to) { MPI_Send(&value, 1, MPI_INT, to, 0, MPI_COMM_WORLD); }

/// Sends as many numbers as it is asked for, until that is 0.
void stream() {
  while (true) {
    int asked = 0;
    while (MPI_Iprobe(0, 0, MPI_COMM_WORLD, &asked, MPI_STATUS_IGNORE), asked == 0) usleep(1000);
    const int count = receive_int(0);
    if (count == 0) return;
    for (int i = 0; i < count; ++i) send_int(i, 0);
  }
}

/// CPU time of rank 0, in ns, for `count` messages from each peer.
double receive(int peers, int count) {
  const double before = bench::cpu_ns(getpid());
  for (int peer = 1; peer <= peers; ++peer) {
    send_int(count, peer);
    for (int i = 0; i < count; ++i) receive_int(peer);
  }
  return bench::cpu_ns(getpid()) - before;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0, ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (rank == 0) {
    const int peers = ranks - 1;
    const int messages = bench::quick(argc, argv) ? 10 : 5000;
    receive(peers, 1);  // all are connected
    std::vector<double> times;
    for (int pass = 0; pass < 5; ++pass) times.push_back(receive(peers, messages));
    bench::emit("peers", "raw", ranks, "cpu_per_peer", "us",
                bench::median(times) / peers / messages * 1e-3);
    for (int peer = 1; peer <= peers; ++peer) send_int(0, peer);
  } else {
    stream();
  }
  MPI_Finalize();
}
