// Empty tasks on two workers: one a message, and with the chunk that the pool chooses.
#include <mpx/mpx.hpp>
#include <numeric>
#include <vector>

#include "common/bench.hpp"

namespace {

int same(int value) { return value; }

void measure(const mpx::Pool& pool, std::size_t chunk, int tasks) {
  std::vector<int> input(static_cast<std::size_t>(tasks));
  std::iota(input.begin(), input.end(), 0);
  const double time = bench::median_seconds(3, [&] {
    if (pool.map(same, input, {.chunk_size = chunk}) != input) std::abort();
  });
  bench::emit("pool", "mpx", static_cast<long>(chunk), "throughput", "1/s", tasks / time);
}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [&] {
    const bool quick = bench::quick(argc, argv);
    const mpx::Pool pool(2);
    measure(pool, 1, quick ? 50 : 20000);
    measure(pool, 0, quick ? 200 : 1000000);
  });
}
