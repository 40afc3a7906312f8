// Processes take and give back one Lock of rank 0 for a fixed time.
#include <mpx/mpx.hpp>

#include "common/turns.hpp"

namespace {

void take_part(const mpx::Lock& lock, const mpx::Barrier& start, std::chrono::milliseconds time,
               const mpx::Queue<std::int64_t>& counts) {
  start.wait();
  counts.put(bench::take_turns(time, [&] {
    lock.lock();
    lock.unlock();
  }));
}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [&] {
    const auto parties = bench::parties(argc, argv);
    const auto time = bench::turns_time(bench::quick(argc, argv));
    const mpx::Lock lock;
    const mpx::Barrier start(parties);
    const mpx::Queue<std::int64_t> counts;
    std::vector<mpx::Process> processes;
    for (std::size_t i = 0; i < parties; ++i) {
      processes.emplace_back(take_part, lock, start, time, counts).start();
    }
    std::vector<std::int64_t> turns;
    for (std::size_t i = 0; i < parties; ++i) turns.push_back(counts.get());
    for (const auto& process : processes) process.join();
    bench::emit_turns("handover_process", "mpx", turns, time);
  });
}
