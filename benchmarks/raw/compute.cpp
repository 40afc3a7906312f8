// The same computation alone on its core: the floor for a supervised task.
#include "common/bench.hpp"

int main(int argc, char** argv) {
  const auto steps = bench::compute_steps(argc, argv);
  volatile std::uint64_t result = 0;
  const double time = bench::seconds([&] { result = bench::compute(steps); });
  bench::emit("compute", "raw", 1, "time", "s", time);
}
