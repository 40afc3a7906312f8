// How soon the system wakes a process that sleeps in recv() on a socket: the floor under every
// wake-up, without MPI.
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <thread>
#include <vector>

#include "common/bench.hpp"

int main(int argc, char** argv) {
  const bool quick = bench::quick(argc, argv);
  const int wakes = quick ? 2 : 50;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) != 0) return EXIT_FAILURE;
  const pid_t child = fork();
  if (child < 0) return EXIT_FAILURE;
  if (child == 0) {
    for (int i = 0; i < wakes; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(quick ? 1 : 20));
      const std::int64_t stamp = bench::now_ns();
      if (send(ends[1], &stamp, sizeof stamp, 0) != sizeof stamp) _exit(EXIT_FAILURE);
    }
    _exit(EXIT_SUCCESS);
  }
  close(ends[1]);
  std::vector<double> delays;
  for (int i = 0; i < wakes; ++i) {
    std::int64_t stamp = 0;
    if (recv(ends[0], &stamp, sizeof stamp, 0) != sizeof stamp) return EXIT_FAILURE;
    delays.push_back(static_cast<double>(bench::now_ns() - stamp) * 1e-3);
  }
  waitpid(child, nullptr, 0);
  bench::emit("wake", "system", 8, "delay", "us", bench::median(delays));
}
