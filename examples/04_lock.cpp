// Two processes count one shared value up, each under the same lock: the first to 300, the second
// on from 450 to 600. The increments are a load and a store, so without the lock they would mix.
//
// Always the same output, for two reasons. The second process is started only when the first has
// said that it holds the lock: it then waits at the lock, not at its start. And what either has
// reached is sent to the main process, which prints it: lines that two ranks print at nearly the
// same time may change places on their way to the terminal.
//
//   mpx-run ./04_lock

#include <iostream>
#include <mpx/mpx.hpp>
#include <mutex>

void count_to(int end, const mpx::Value<int>& x) {
  while (x.load() < end) x.store(x.load() + 1);
}

void do_this(mpx::Lock lock, mpx::Value<int> x, mpx::Connection main) {
  std::scoped_lock guard(lock);
  main.send(true);
  count_to(300, x);
  main.send(x.load());
}

void do_after(mpx::Lock lock, mpx::Value<int> x, mpx::Connection main) {
  std::scoped_lock guard(lock);
  x.store(450);
  count_to(600, x);
  main.send(x.load());
}

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [] {
    mpx::Lock lock;
    mpx::Value<int> x(0);
    auto [from_first, first_end] = mpx::pipe();
    auto [from_second, second_end] = mpx::pipe();
    mpx::Process first(do_this, lock, x, first_end);
    mpx::Process second(do_after, lock, x, second_end);

    first.start();
    from_first.recv<bool>();  // it holds the lock
    second.start();
    std::cout << from_first.recv<int>() << '\n';
    std::cout << from_second.recv<int>() << '\n';
    first.join();
    second.join();
  });
}
