// CPU time of ranks that have nothing to do: a worker (size 1) and the main one (size 0).
#include <unistd.h>

#include <mpx/mpx.hpp>
#include <stdexcept>
#include <thread>

#include "common/bench.hpp"
#include "common/cpu_time.hpp"

namespace {

/// Share of a core that a process takes while this one sleeps, in percent. Not in the first second
/// after traffic, in which ranks with peers on other nodes look more often.
double share_of_core(pid_t pid, int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds / 2));
  const double before = bench::cpu_ns(pid);
  const double time =
      bench::seconds([&] { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); });
  const double after = bench::cpu_ns(pid);
  if (before < 0 || after < 0) throw std::runtime_error("idle: a rank is gone");
  return 100 * (after - before) * 1e-9 / time;
}

/// Measures the rank of this process, which may be on another node: the parent of the template,
/// which is the parent of this process.
void measure_rank(mpx::Connection answer, int milliseconds) {
  answer.send(share_of_core(bench::parent_of(getppid()), milliseconds));
}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [&] {
    const int milliseconds = bench::quick(argc, argv) ? 10 : 3000;
    const auto [here, there] = mpx::pipe();
    mpx::Process process(measure_rank, there, milliseconds);
    process.start();
    const double own = share_of_core(getpid(), milliseconds);
    bench::emit("idle", "mpx", 1, "cpu", "%", here.recv<double>());
    bench::emit("idle", "mpx", 0, "cpu", "%", own);
    process.join();
  });
}
