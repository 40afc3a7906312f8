// How soon a task starts on a rank of another node, by the pause since the last one in ms (size).
// Submission and start are on one clock: that of a machine whose nodes are virtual.
#include <mpx/mpx.hpp>
#include <thread>
#include <vector>

#include "common/bench.hpp"

namespace {

using std::chrono::milliseconds, std::chrono::microseconds;

std::int64_t started() { return bench::now_ns(); }

void measure(const mpx::Pool& pool, int tasks, milliseconds pause) {
  std::vector<double> delays, round_trips;
  for (int i = 0; i < tasks; ++i) {
    // Not in step with the timer of the rank that sleeps.
    if (pause.count() > 0) std::this_thread::sleep_for(pause + microseconds(i * 370 % 5000));
    const auto begin = bench::now_ns();
    const auto start = pool.apply(started);
    round_trips.push_back(static_cast<double>(bench::now_ns() - begin) * 1e-3);
    delays.push_back(static_cast<double>(start - begin) * 1e-3);
  }
  bench::emit("dispatch", "mpx", pause.count(), "delay", "us", bench::median(delays));
  bench::emit("dispatch", "mpx", pause.count(), "round_trip", "us", bench::median(round_trips));
}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [&] {
    const mpx::Pool pool(1);
    pool.apply(started);  // its process is there
    if (bench::quick(argc, argv)) return measure(pool, 3, milliseconds(0));
    measure(pool, 2000, milliseconds(0));
    measure(pool, 60, milliseconds(20));
    measure(pool, 9, milliseconds(1500));
  });
}
