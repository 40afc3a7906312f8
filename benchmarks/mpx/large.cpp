// One task with an argument and a result of 1,000 MiB: how long it takes, and how much memory the
// machine has less at the worst moment, the caller's own value and result included.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <fstream>
#include <limits>
#include <mpx/mpx.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "common/bench.hpp"

namespace {

using Large = std::vector<std::uint64_t>;

Large same(Large value) { return value; }

/// MiB that the kernel could give to a program.
double available_mib() {
  std::ifstream facts("/proc/meminfo");
  std::string name, rest;
  for (double kib = 0; facts >> name >> kib; std::getline(facts, rest)) {
    if (name == "MemAvailable:") return kib / 1024;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [&] {
    constexpr long kMiB = 1000;
    const bool quick = bench::quick(argc, argv);
    const mpx::Pool pool(1);
    pool.apply(same, Large(1));
    const double before = available_mib();
    std::atomic<bool> done = false;
    double least = before;
    std::thread watcher([&] {
      while (!done) {
        least = std::min(least, available_mib());
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    });
    const Large large(
        static_cast<std::size_t>(quick ? 1 : kMiB) * (1 << 20) / sizeof(Large::value_type), 1);
    std::size_t size = 0;
    const double time = bench::seconds([&] { size = pool.apply(same, large).size(); });
    done = true;
    watcher.join();
    if (size != large.size()) throw std::runtime_error("a large result came back short");
    bench::emit("large", "mpx", kMiB, "time", "s", time);
    bench::emit("large", "mpx", kMiB, "peak", "MiB", before - least);
  });
}
