// What the transport costs, next to MPI itself. Prints the best of several rounds; 2 ranks.

#include <mpi.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "transport/mpi_library.hpp"

namespace {

using namespace mpx::detail;

double now_us() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::micro>(now).count();
}

template <class Work>
double best_of(int rounds, Work work) {
  double best = 1e30;
  for (int round = 0; round < rounds; ++round) {
    MPI_Barrier(MPI_COMM_WORLD);
    const double start = now_us();
    work();
    best = std::min(best, now_us() - start);
  }
  return best;
}

/// One way, in µs, of plain MPI_Send and MPI_Recv.
double raw_ping_pong(int rank, std::size_t bytes, int turns) {
  std::vector<char> buffer(bytes);
  const auto count = static_cast<int>(bytes);
  const auto send = [&] { MPI_Send(buffer.data(), count, MPI_BYTE, 1 - rank, 0, MPI_COMM_WORLD); };
  const auto receive = [&] {
    MPI_Recv(buffer.data(), count, MPI_BYTE, 1 - rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  };
  return best_of(60,
                 [&] {
                   for (int i = 0; i < turns; ++i) {
                     if (rank == 0) send();
                     receive();
                     if (rank == 1) send();
                   }
                 }) /
         turns / 2;
}

/// One way, in µs, of frames; waiting by polls, or asleep on the doorbell.
double frame_ping_pong(Transport& transport, std::size_t bytes, int turns, bool asleep) {
  const int other = 1 - transport.rank();
  Frame ball;
  ball.body.resize(bytes);
  bool have = transport.rank() == 0;
  const Transport::Deliver deliver = [&](Frame&& frame) {
    ball = std::move(frame);
    have = true;
  };
  const auto turn = [&] {
    while (!have) {
      if (!asleep) {
        transport.poll(deliver);
        continue;
      }
      transport.announce_sleep();
      if (transport.poll(deliver) == 0) {
        pollfd bell{.fd = transport.doorbell(), .events = POLLIN, .revents = 0};
        ::poll(&bell, 1, 5000);
      }
      transport.announce_awake();
    }
    transport.send(other, std::move(ball));
    transport.flush();
    have = false;
  };
  return best_of(60,
                 [&] {
                   for (int i = 0; i < turns; ++i) turn();
                   while (transport.rank() == 0 && !have) transport.poll(deliver);
                 }) /
         turns / 2;
}

/// Frames a second, in millions, of 8 bytes from rank 0 to rank 1 in batches.
double stream(Transport& transport, int count) {
  int got = 0;
  const Transport::Deliver deliver = [&](Frame&&) { ++got; };
  return count / best_of(40, [&] {
           got = 0;
           if (transport.rank() == 0) {
             for (int i = 0; i < count; ++i) {
               Frame frame;
               frame.body.resize(8);
               transport.send(1, std::move(frame));
             }
             transport.flush();
             while (transport.busy()) transport.poll(deliver);
           } else {
             while (got < count) transport.poll(deliver);
           }
           MPI_Barrier(MPI_COMM_WORLD);
         });
}

}  // namespace

int main(int argc, char** argv) {
  const MpiLibrary library(argc, argv);
  const MpiSession session(library);
  const int rank = session.rank();
  if (session.size() != 2) {
    std::fprintf(stderr, "needs 2 ranks\n");
    return 1;
  }
  const auto transport = session.make_transport();
  const auto words = session.make_words();
  const auto say = [&](const char* what, double value, const char* unit) {
    if (rank == 0) std::printf("%-44s %9.3f %s\n", what, value, unit);
  };
  for (int round = 0; round < 2; ++round) {
    say("MPI ping-pong, 8 B, one way", raw_ping_pong(rank, 8, 300), "us");
    say("MPI ping-pong, 64 B, one way", raw_ping_pong(rank, 64, 300), "us");
    say("frame ping-pong, 8 B, one way", frame_ping_pong(*transport, 8, 300, false), "us");
  }
  for (const std::size_t bytes : {1024u, 8192u, 16'000u, 17'000u, 65'536u, 1u << 20, 16u << 20}) {
    if (rank == 0) std::printf("%zu bytes:\n", bytes);
    const int turns = bytes > 10'000'000 ? 1 : bytes > 100'000 ? 5 : 50;
    say("  MPI, one way", raw_ping_pong(rank, bytes, turns), "us");
    say("  frame, one way", frame_ping_pong(*transport, bytes, turns, false), "us");
  }
  say("frame ping-pong, both asleep, one way", frame_ping_pong(*transport, 8, 100, true), "us");
  say("frames of 8 B in batches, one way", stream(*transport, 50'000), "million/s");
  {
    const Transport::Deliver nothing = [](Frame&&) {};
    constexpr int kCount = 10'000;
    say("poll that finds nothing",
        best_of(3,
                [&] {
                  for (int i = 0; i < kCount; ++i) transport->poll(nothing);
                }) /
            kCount,
        "us");
    const auto own = words->allocate(0);
    const WordRef word{0, own->slot};  // the same slot on both ranks
    for (const int home : {0, 1}) {
      MPI_Barrier(MPI_COMM_WORLD);
      if (rank == 0) {
        const WordRef target{home, word.slot};
        const double start = now_us();
        for (int i = 0; i < kCount; ++i) words->fetch_add(target, 1);
        const double middle = now_us();
        for (int i = 0; i < kCount; ++i) words->compare_exchange(target, 1, 1);
        const double end = now_us();
        say(home == 0 ? "fetch_add, own word" : "fetch_add, other's word",
            (middle - start) / kCount, "us");
        say(home == 0 ? "compare_exchange, own word" : "compare_exchange, other's word",
            (end - middle) / kCount, "us");
      }
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }
}
