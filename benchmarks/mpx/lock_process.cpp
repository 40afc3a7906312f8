// A Lock that nobody else wants, from a process whose rank is its home, beside the plainest operation
// on a word: a load.
#include <mpx/mpx.hpp>

#include "common/bench.hpp"

namespace {

void measure(bool quick) {
  const mpx::Lock lock;
  const mpx::Value<std::int64_t> value;
  const int operations = quick ? 20 : 50000;
  std::vector<double> locking, loading;
  for (int sample = 0; sample < 10; ++sample) {  // turn by turn, so that they meet the same machine
    const double locked = bench::seconds([&] {
      for (int i = 0; i < operations; i += 2) {
        lock.lock();
        lock.unlock();
      }
    });
    const double loaded = bench::seconds([&] {
      for (int i = 0; i < operations; ++i) static_cast<void>(value.load());
    });
    if (sample == 0) continue;
    locking.push_back(locked / operations);
    loading.push_back(loaded / operations);
  }
  bench::emit("lock_process", "mpx", 1, "operation", "us", bench::median(locking) * 1e6);
  bench::emit("lock_process", "mpx", 1, "pair", "us", bench::median(locking) * 2e6);
  bench::emit("lock_process", "mpx", 1, "load", "us", bench::median(loading) * 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [&] {
    mpx::Process process(measure, bench::quick(argc, argv));
    process.start();
    process.join();
  });
}
