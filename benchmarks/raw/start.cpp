// fork and waitpid, the floor under every Process. No MPI: a rank may not fork safely.
#include <sys/wait.h>
#include <unistd.h>

#include "common/bench.hpp"

int main(int argc, char** argv) {
  const int repetitions = bench::quick(argc, argv) ? 3 : 200;
  const double time = bench::median_seconds(repetitions, [] {
    const pid_t child = fork();
    if (child == 0) _exit(0);
    waitpid(child, nullptr, 0);
  });
  bench::emit("start_join", "raw", 1, "time", "us", time * 1e6);
}
