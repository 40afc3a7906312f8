// A process that only computes, while its rank supervises it; compare.py puts both on one core.
#include <mpx/mpx.hpp>
#include <stdexcept>

#include "common/bench.hpp"

namespace {

void work(std::uint64_t steps) {
  volatile std::uint64_t result = 0;
  const double time = bench::seconds([&] { result = bench::compute(steps); });
  bench::emit("compute", "mpx", 1, "time", "s", time);
}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [&] {
    mpx::Process process(work, bench::compute_steps(argc, argv));
    process.start();
    process.join();
    if (process.exit_code() != 0) throw std::runtime_error("compute: the process failed");
  });
}
