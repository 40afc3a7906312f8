// Start and join of a Process that does nothing.
#include <mpx/mpx.hpp>

#include "common/bench.hpp"

namespace {

void nothing() {}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [&] {
    const int repetitions = bench::quick(argc, argv) ? 3 : 200;
    const double time = bench::median_seconds(repetitions, [] {
      mpx::Process process(nothing);
      process.start();
      process.join();
    });
    bench::emit("start_join", "mpx", 1, "time", "us", time * 1e6);
  });
}
