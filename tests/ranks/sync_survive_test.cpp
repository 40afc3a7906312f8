// Processes that hammer one lock, semaphore, condition and barrier are killed at random moments;
// time-outs race with grants. How often: MPX_TEST_KILLS (30), MPX_TEST_TIMEOUTS (1000).

#include <gtest/gtest.h>

#include <cstdlib>
#include <mpx/mpx.hpp>
#include <mutex>
#include <random>
#include <thread>

#include "ranks/sync_support.hpp"

namespace {

using namespace std::chrono_literals;

int times(const char* variable, int otherwise) {
  const char* const text = std::getenv(variable);
  return text != nullptr ? std::atoi(text) : otherwise;
}

/// What is hammered. The money on the two accounts changes hands under the lock; who finds it
/// abandoned puts the sum right again.
struct Anvil {
  mpx::Lock lock;
  mpx::Array<long> accounts{500, 500};
  mpx::Semaphore semaphore{3, mpx::SemaphoreOptions{.owned = true}};
  mpx::Value<int> inside;
  mpx::Condition condition;
  mpx::Value<int> items;
  mpx::Barrier barrier{2};

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& lock& accounts& semaphore& inside& condition& items& barrier;
  }
};

void use_lock(const Anvil& anvil) {
  const std::scoped_lock guard(anvil.lock);
  std::vector<long> sums(2);
  anvil.accounts.read(0, sums);
  if (anvil.lock.abandoned()) {
    sums = {500, 500};
    anvil.lock.clear_abandoned();
  }
  need(sums[0] + sums[1] == 1000);
  anvil.accounts.store(0, sums[0] - 1);
  anvil.accounts.store(1, sums[1] + 1);
}

void use_semaphore(const Anvil& anvil, bool timed) {
  if (timed) {
    if (!anvil.semaphore.try_acquire_for(200us)) return;
  } else {
    anvil.semaphore.acquire();
  }
  need(anvil.semaphore.value() <= 2);
  anvil.semaphore.release();
}

void use_condition(const Anvil& anvil, bool produces) {
  const std::unique_lock guard(anvil.condition);
  if (produces) {
    anvil.items.store(anvil.items.load() + 1);
    anvil.condition.notify_one();
  } else if (anvil.condition.wait_for(2ms, [&] { return anvil.items.load() > 0; })) {
    anvil.items.store(anvil.items.load() - 1);
  }
}

void use_barrier(const Anvil& anvil) {
  try {
    anvil.barrier.wait_for(2ms);
  } catch (const mpx::BrokenBarrier&) {
    anvil.barrier.reset();
  }
}

/// For ever, until it is killed; 1 at the exit means that something was not so.
void hammer(const Anvil& anvil, unsigned seed) {
  std::mt19937 random(seed);
  while (true) {
    switch (random() % 5) {
      case 0:
      case 1:
        use_lock(anvil);
        break;
      case 2:
        use_semaphore(anvil, random() % 2 == 0);
        break;
      case 3:
        use_condition(anvil, random() % 2 == 0);
        break;
      default:
        use_barrier(anvil);
    }
  }
}

TEST(Survive, ProcessesThatHammerAreKilledAtRandomInstants) {
  const auto seed = static_cast<unsigned>(times("MPX_TEST_SEED", 1));
  SCOPED_TRACE("MPX_TEST_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  const Anvil anvil;
  std::vector<mpx::Process> processes;
  for (unsigned i = 0; i < 3; ++i) {
    processes.emplace_back(hammer, anvil, random());
    processes.back().start();
  }
  for (int kills = times("MPX_TEST_KILLS", 30); kills > 0; --kills) {
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    auto& victim = processes[random() % processes.size()];
    victim.kill();
    victim.join();
    ASSERT_EQ(victim.exit_code(), -SIGKILL) << "it found something that was not so";
    EXPECT_NO_THROW(use_lock(anvil));  // nothing hangs for those who live
    EXPECT_NO_THROW(use_semaphore(anvil, false));
    EXPECT_NO_THROW(use_condition(anvil, true));
    victim = mpx::Process(hammer, anvil, random());
    victim.start();
  }
  for (const auto& process : processes) process.kill();
  for (const auto& process : processes) {
    process.join();
    EXPECT_EQ(process.exit_code(), -SIGKILL);
  }
  EXPECT_NO_THROW(use_lock(anvil));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(anvil.semaphore.try_acquire_for(30s)) << "a lost permit";
  EXPECT_FALSE(anvil.semaphore.try_acquire()) << "a permit was created";
  EXPECT_TRUE(anvil.condition.try_lock_for(30s));
  anvil.condition.unlock();
  anvil.barrier.reset();
  EXPECT_EQ(anvil.barrier.waiting(), 0U);
}

void lock_with_limits(mpx::Lock lock, mpx::Semaphore semaphore, mpx::Value<int> inside, int count) {
  std::mt19937 random(static_cast<unsigned>(::getpid()));
  for (int i = 0; i < count; ++i) {
    const auto limit = std::chrono::microseconds(random() % 300);
    if (lock.try_lock_for(limit)) {
      need(inside.fetch_add(1) == 0);
      inside.fetch_add(-1);
      lock.unlock();
    }
    if (semaphore.try_acquire_for(limit)) semaphore.release();
  }
}

TEST(Survive, TimeOutsRaceWithGrants) {
  const mpx::Lock lock;
  const mpx::Semaphore semaphore(1);
  const mpx::Value<int> inside(0);
  const int count = times("MPX_TEST_TIMEOUTS", 1000);
  run_processes(4, lock_with_limits, lock, semaphore, inside, count / 4);
  EXPECT_TRUE(lock.try_lock());
  EXPECT_EQ(semaphore.value(), 1U);
}

}  // namespace
