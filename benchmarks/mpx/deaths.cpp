// What the death of a pool's process costs, until its successor has died too: by tasks that wait
// meanwhile, and by processes of the pool, which die in turn.
#include <csignal>
#include <mpx/mpx.hpp>
#include <vector>

#include "common/bench.hpp"

namespace {

void die() { std::raise(SIGKILL); }
int same(int value) { return value; }

/// Microseconds a death, with so many tasks behind those that kill.
double death_us(std::size_t processes, int deaths, int tasks) {
  const mpx::Pool pool(mpx::PoolOptions{.processes = processes, .retries = 0});
  const mpx::Event go;
  std::vector<mpx::AsyncResult<void>> waiting, killed;
  for (std::size_t i = 0; i < processes; ++i)
    waiting.push_back(pool.apply_async([](const mpx::Event& event) { event.wait(); }, go));
  for (int i = 0; i < deaths; ++i) killed.push_back(pool.apply_async(die));
  std::vector<mpx::AsyncResult<int>> others;
  for (int i = 0; i < tasks; ++i) others.push_back(pool.apply_async(same, i));
  const double time = bench::seconds([&] {
    go.set();
    for (const auto& result : killed) result.wait();
  });
  pool.terminate();
  pool.join();
  return time * 1e6 / deaths;
}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [&] {
    const bool quick = bench::quick(argc, argv);
    const int deaths = quick ? 4 : 256;
    for (const int tasks : {100, 10'000, 100'000})
      bench::emit("death_tasks", "mpx", tasks, "time", "us",
                  death_us(2, deaths, quick ? tasks / 100 : tasks));
    for (const std::size_t processes : {2, 64})
      bench::emit("death_processes", "mpx", static_cast<long>(processes), "time", "us",
                  death_us(quick ? 2 : processes, deaths, 100));
  });
}
