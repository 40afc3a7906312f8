// CPU time of ranks that have nothing to do: a worker (size 1) and the main one (size 0).
#include <unistd.h>

#include <mpx/mpx.hpp>
#include <stdexcept>
#include <thread>

#include "common/bench.hpp"
#include "common/cpu_time.hpp"

namespace {

/// The rank is the parent of the template, which is the parent of this process.
void tell_rank(mpx::Connection answer) { answer.send(bench::parent_of(getppid())); }

pid_t worker_rank() {
  const auto [here, there] = mpx::pipe();
  mpx::Process process(tell_rank, there);
  process.start();
  const auto pid = here.recv<pid_t>();
  process.join();
  return pid;
}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [&] {
    const auto length = std::chrono::milliseconds(bench::quick(argc, argv) ? 10 : 3000);
    const pid_t ranks[] = {getpid(), worker_rank()};
    double used[2];
    for (int i = 0; i < 2; ++i) used[i] = bench::cpu_ns(ranks[i]);
    const double time = bench::seconds([&] { std::this_thread::sleep_for(length); });
    for (int i = 0; i < 2; ++i) {
      const double now = bench::cpu_ns(ranks[i]);
      if (used[i] < 0 || now < 0) throw std::runtime_error("idle: a rank is gone");
      bench::emit("idle", "mpx", i, "cpu", "%", 100 * (now - used[i]) * 1e-9 / time);
    }
  });
}
