// What part of the time the slots of a pool are busy, with tasks of one length that need no core: they
// wait. The counterpart of the simulation in scale.cpp, on real ranks.
#include <chrono>
#include <cstddef>
#include <mpx/mpx.hpp>
#include <string>
#include <thread>
#include <vector>

#include "common/bench.hpp"

namespace {

void wait_ms(long ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [&] {
    constexpr std::size_t kTasks = 20;  // a slot
    const std::size_t slots = mpx::cpu_count();
    const mpx::Pool pool(slots);
    pool.map(wait_ms, std::vector<long>(4 * slots, 1));  // its processes are there
    const std::vector<long> lengths =
        bench::quick(argc, argv) ? std::vector<long>{1} : std::vector<long>{1, 10, 100, 1000};
    for (const long ms : lengths) {
      const double time =
          bench::seconds([&] { pool.map(wait_ms, std::vector<long>(kTasks * slots, ms)); });
      const double ideal = 1e-3 * static_cast<double>(ms) * static_cast<double>(kTasks);
      bench::emit(("slots_" + std::to_string(slots)).c_str(), "mpx", ms, "busy", "%",
                  100 * ideal / time);
    }
  });
}
