// One situation each in which processes wait, told apart by the first argument: those in which
// nobody can go on, and those that only look like it.
#include <mpi.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <future>
#include <map>
#include <mpx/mpi.hpp>
#include <mpx/mpx.hpp>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;
constexpr auto kLong = 13s;  // longer than two looks take

void lock_both(const mpx::Lock& first, const mpx::Lock& second, const mpx::Barrier& both) {
  const std::scoped_lock one(first);
  both.wait();
  const std::scoped_lock two(second);
}

void crossing_locks() {
  const mpx::Lock a(mpx::named("a")), b(mpx::named("b"));
  const mpx::Barrier both(2);
  mpx::Process p(mpx::ProcessOptions{.name = "first"}, lock_both, a, b, both);
  mpx::Process q(mpx::ProcessOptions{.name = "second"}, lock_both, b, a, both);
  p.start();
  q.start();
  p.join();
}

void lock_twice(const mpx::Lock& lock) {
  lock.lock();
  lock.lock();
}

void own_lock() {
  const mpx::Lock lock;
  mpx::Process p(mpx::ProcessOptions{.name = "twice"}, lock_twice, lock);
  p.start();
  p.join();
}

void empty_queue() { mpx::Queue<int>().get(); }

void take_permit(const mpx::Semaphore& mine, const mpx::Semaphore& other,
                 const mpx::Barrier& both) {
  mine.acquire();
  both.wait();
  other.acquire();
}

void crossing_semaphores() {
  const mpx::Semaphore a(1), b(1);
  const mpx::Barrier both(2);
  mpx::Process p(mpx::ProcessOptions{.name = "first"}, take_permit, a, b, both);
  mpx::Process q(mpx::ProcessOptions{.name = "second"}, take_permit, b, a, both);
  p.start();
  q.start();
  q.join();
}

void receive(const mpx::Connection& end) { end.recv<int>(); }

void silent_pipe() {
  const auto [a, b] = mpx::pipe();
  mpx::Process p(mpx::ProcessOptions{.name = "listener"}, receive, b);
  p.start();
  a.recv<int>();
}

void wait_at(const mpx::Barrier& barrier) { barrier.wait(); }

void incomplete_barrier() {
  const mpx::Barrier barrier(3);
  mpx::Process p(mpx::ProcessOptions{.name = "early"}, wait_at, barrier);
  p.start();
  barrier.wait();
}

void wait_for_notice(const mpx::Condition& condition) {
  condition.lock();
  condition.wait();
}

void lost_notice() {
  const mpx::Condition condition;
  mpx::Process p(mpx::ProcessOptions{.name = "waiter"}, wait_for_notice, condition);
  p.start();
  p.join();
}

int take(const mpx::Queue<int>& queue) { return queue.get(); }

void starved_task() {
  mpx::Pool pool(2);
  const mpx::Queue<int> queue;
  pool.apply(take, queue);
}

// From here on somebody can go on.

void computing() {
  mpx::Process p(mpx::ProcessOptions{.name = "busy"}, [] {
    const auto end = std::chrono::steady_clock::now() + kLong;
    while (std::chrono::steady_clock::now() < end) std::this_thread::yield();
  });
  p.start();
  p.join();
}

void take_in_time(const mpx::Queue<int>& queue) { static_cast<void>(queue.try_get_for(kLong)); }

void timed() {
  const mpx::Queue<int> queue;
  mpx::Process p(mpx::ProcessOptions{.name = "patient"}, take_in_time, queue);
  p.start();
  p.join();
}

void another_thread() {
  const mpx::Queue<int> queue;
  std::thread late([&] {
    std::this_thread::sleep_for(kLong);
    queue.put(1);
  });
  queue.get();
  late.join();
}

void threads_that_wait(const mpx::Queue<int>& queue) {
  std::thread other([&] { queue.get(); });
  queue.get();
  other.join();
}

void two_threads() {
  const mpx::Queue<int> queue;
  mpx::Process p(mpx::ProcessOptions{.name = "double"}, threads_that_wait, queue);
  p.start();
  p.join();
}

// A program that somebody looks into: it ends by itself.
void looked_into() {
  mpx::Queue<int> queue(mpx::named("numbers"));
  mpx::Process p(mpx::ProcessOptions{.name = "reader"}, take, queue);
  p.start();
  std::puts("runs");
  std::fflush(stdout);
  std::this_thread::sleep_for(5s);
  queue.put(1);
  p.join();
}

const std::map<std::string, std::function<void()>> situations = {
    {"locks", crossing_locks},
    {"own_lock", own_lock},
    {"queue", empty_queue},
    {"semaphores", crossing_semaphores},
    {"pipe", silent_pipe},
    {"barrier", incomplete_barrier},
    {"condition", lost_notice},
    {"task", starved_task},
    {"two_threads", two_threads},
    {"computing", computing},
    {"timed", timed},
    {"another_thread", another_thread},
    {"looked_into", looked_into},
};

/// A program of MPI with a thread that was there before the Session, and will use it.
int early_thread() {
  mpx::prepare();
  int level = 0, rank = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &level);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  {
    std::promise<mpx::Queue<int>> to;
    std::thread late([&] {
      if (rank != 0) return;
      const auto queue = to.get_future().get();
      std::this_thread::sleep_for(kLong);
      queue.put(1);
    });
    mpx::Session session(MPI_COMM_WORLD);
    if (rank == 0) {
      const mpx::Queue<int> queue;
      to.set_value(queue);
      queue.get();
      std::puts("done");
    } else {
      session.serve();
    }
    late.join();
  }
  return MPI_Finalize();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "early_thread") return early_thread();
  return mpx::run(argc, argv, [&] {
    const auto found = situations.find(argc > 1 ? argv[1] : "");
    if (found == situations.end()) {
      std::fprintf(stderr, "usage: deadlock_program SITUATION\n");
      std::exit(2);
    }
    found->second();
    std::puts("done");
  });
}
