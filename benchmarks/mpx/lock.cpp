// A Lock alone, from rank 0, and fought over by two processes.
#include <mpx/mpx.hpp>

#include "common/bench.hpp"

namespace {

void take_turns(const mpx::Lock& lock, int pairs) {
  for (int i = 0; i < pairs; ++i) {
    lock.lock();
    lock.unlock();
  }
}

void contend(mpx::Lock lock, mpx::Connection starter, int pairs) {
  starter.recv<int>();
  take_turns(lock, pairs);
  starter.send(0);
}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [&] {
    const int pairs = bench::quick(argc, argv) ? 20 : 20000;
    const mpx::Lock lock;
    const double alone = bench::median_seconds(9, [&] { take_turns(lock, pairs); });
    bench::emit("lock_uncontended", "mpx", 1, "pair", "us", alone / pairs * 1e6);

    const auto [first, first_end] = mpx::pipe();
    const auto [second, second_end] = mpx::pipe();
    mpx::Process one(contend, lock, first_end, pairs);
    mpx::Process two(contend, lock, second_end, pairs);
    one.start();
    two.start();
    const double time = bench::seconds([&, &a = first, &b = second] {
      a.send(0);
      b.send(0);
      a.recv<int>();
      b.recv<int>();
    });
    one.join();
    two.join();
    bench::emit("lock_contended", "mpx", 2, "pair", "us", time / (2 * pairs) * 1e6);
  });
}
