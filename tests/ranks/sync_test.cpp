// Locks, semaphores, events and barriers: each line of what is easy to get wrong, in the body (code
// inside a rank) and in processes.

#include <gtest/gtest.h>

#include <mpx/mpx.hpp>
#include <mutex>
#include <thread>

#include "ranks/sync_support.hpp"

namespace {

using namespace std::chrono_literals;

TEST(Semaphore, CountsItsPermits) {
  here_and_in_a_process([] {
    const mpx::Semaphore semaphore(2);
    semaphore.acquire();
    need(semaphore.try_acquire());
    need(!semaphore.try_acquire());
    need(!semaphore.try_acquire_for(5ms));
    need(!semaphore.try_acquire_until(std::chrono::steady_clock::now() + 1ms));
    need(semaphore.value() == 0);
    semaphore.release(2);
    semaphore.release();
    need(semaphore.value() == 3);  // it may grow
    need_throw<mpx::UsageError>([&] { semaphore.release(0); });
  });
}

TEST(BoundedSemaphore, RefusesMoreThanItsStart) {
  here_and_in_a_process([] {
    const mpx::BoundedSemaphore semaphore(2);
    need_throw<mpx::UsageError>([&] { semaphore.release(); });
    semaphore.acquire();
    need_throw<mpx::UsageError>([&] { semaphore.release(2); });
    semaphore.release();
    need(semaphore.value() == 2);
  });
}

TEST(Semaphore, LetsSoManyIn) {
  const mpx::Semaphore semaphore(2);
  const mpx::Value<int> inside(0);
  run_processes(
      4,
      [](mpx::Semaphore gate, mpx::Value<int> count) {
        for (int i = 0; i < 50; ++i) {
          gate.acquire();
          need(count.fetch_add(1) < 2);
          count.fetch_add(-1);
          gate.release();
        }
      },
      semaphore, inside);
  EXPECT_EQ(semaphore.value(), 2U);
}

TEST(Semaphore, CarriesSignals) {
  const mpx::Semaphore ready(0), taken(0);
  mpx::Process process(
      [](mpx::Semaphore there, mpx::Semaphore back) {
        for (int i = 0; i < 100; ++i) {
          there.release();
          back.acquire();
        }
      },
      ready, taken);
  process.start();
  for (int i = 0; i < 100; ++i) {
    ready.acquire();
    taken.release();
  }
  process.join();
  EXPECT_EQ(process.exit_code(), 0);
  EXPECT_EQ(ready.value() + taken.value(), 0U);
}

void hold_two_and_die(const mpx::Semaphore& semaphore) {
  mpx::Process process(
      [](mpx::Semaphore permits) {
        permits.acquire();
        permits.acquire();
        permits.acquire();
        permits.release();
        ::raise(SIGKILL);
      },
      semaphore);
  process.start();
  process.join();
}

TEST(Semaphore, PermitsOfADeadProcessAreLost) {
  const mpx::Semaphore semaphore(3);
  hold_two_and_die(semaphore);
  EXPECT_EQ(semaphore.value(), 1U);
}

TEST(Semaphore, OwnedPermitsOfADeadProcessComeBack) {
  const mpx::Semaphore semaphore(3, mpx::SemaphoreOptions{.owned = true});
  hold_two_and_die(semaphore);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(semaphore.try_acquire_for(30s));
  EXPECT_FALSE(semaphore.try_acquire());
}

TEST(Event, IsSetAndCleared) {
  here_and_in_a_process([] {
    const mpx::Event event;
    need(!event.is_set());
    need(!event.wait_for(5ms));
    event.set();
    event.set();
    event.wait();
    need(event.wait_for(0s));
    need(event.is_set());
    event.clear();
    event.clear();
    need(!event.is_set());
    need(!event.wait_for(0s));
  });
}

TEST(Event, WakesAllWhoWait) {
  const mpx::Event go;
  const mpx::Semaphore woken(0);
  std::vector<mpx::Process> processes;
  for (int i = 0; i < 3; ++i) {
    processes.emplace_back(
        [](mpx::Event event, mpx::Semaphore count) {
          event.wait();
          count.release();
        },
        go, woken);
    processes.back().start();
  }
  EXPECT_FALSE(woken.try_acquire());
  go.set();
  for (const auto& process : processes) process.join();
  EXPECT_EQ(woken.value(), 3U);
}

void die_holding(const mpx::Lock& lock) {
  mpx::Process process(
      [](mpx::Lock held) {
        held.lock();
        ::raise(SIGKILL);
      },
      lock);
  process.start();
  process.join();
}
void die_holding(const mpx::RecursiveLock& lock) {
  mpx::Process process(
      [](mpx::RecursiveLock held) {
        held.lock();
        held.lock();
        ::raise(SIGKILL);
      },
      lock);
  process.start();
  process.join();
}

template <class AnyLock>
void expect_abandoned_once(const AnyLock& lock) {
  EXPECT_FALSE(lock.abandoned());
  die_holding(lock);
  lock.lock();
  EXPECT_TRUE(lock.abandoned());
  lock.unlock();
  EXPECT_TRUE(lock.try_lock()) << "the mark stays, and keeps nobody out";
  EXPECT_TRUE(lock.abandoned());
  lock.clear_abandoned();
  EXPECT_FALSE(lock.abandoned());
  lock.unlock();
}

TEST(Abandoned, IsTrueOfEveryKindOfLock) {
  expect_abandoned_once(mpx::Lock());
  expect_abandoned_once(mpx::RecursiveLock());
  expect_abandoned_once(mpx::Value<int>(1).get_lock());
  expect_abandoned_once(mpx::Value<std::array<double, 4>>().get_lock());
  expect_abandoned_once(mpx::Array<int>(4).get_lock());
}

TEST(Abandoned, WaitersNeverHang) {
  const mpx::Lock lock;
  mpx::Process holder(
      [](mpx::Lock held, mpx::Event holds, mpx::Event die) {
        held.lock();
        holds.set();
        die.wait();
        ::raise(SIGKILL);
      },
      lock, mpx::Event(mpx::named("holds")), mpx::Event(mpx::named("die")));
  holder.start();
  mpx::Event(mpx::named("holds")).wait();
  mpx::Process waiter(
      [](mpx::Lock wanted) {
        mpx::Event(mpx::named("die")).set();
        wanted.lock();
        need(wanted.abandoned());
        wanted.clear_abandoned();
        wanted.unlock();
      },
      lock);
  waiter.start();
  lock.lock();
  lock.unlock();
  waiter.join();
  EXPECT_EQ(waiter.exit_code(), 0);
  EXPECT_FALSE(lock.abandoned());
}

TEST(RecursiveLock, IsUnlockedByItsOwnerOnly) {
  here_and_in_a_process([] {
    const mpx::RecursiveLock lock;
    need_throw<mpx::UsageError>([&] { lock.unlock(); });
    lock.lock();
    need(lock.try_lock_for(1ms));
    std::thread([&] {
      need_throw<mpx::UsageError>([&] { lock.unlock(); });
      need(!lock.try_lock_for(1ms));
    }).join();
    lock.unlock();
    lock.unlock();
    need_throw<mpx::UsageError>([&] { lock.unlock(); });
  });
  const mpx::RecursiveLock lock;
  lock.lock();
  run_processes(
      1,
      [](mpx::RecursiveLock held) {
        need_throw<mpx::UsageError>([&] { held.unlock(); });
        need(!held.try_lock());
      },
      lock);
  lock.unlock();
}

TEST(Lock, TenThousandAreAlive) {
  std::vector<mpx::Lock> locks(10'000);
  for (const auto& lock : locks) lock.lock();
  run_processes(
      1,
      [](std::vector<mpx::Lock> all) {
        for (std::size_t i = 0; i < all.size(); ++i) {
          if (i % 100 == 0) need(!all[i].try_lock());
          all[i].unlock();
        }
      },
      locks);
  for (const auto& lock : locks) ASSERT_TRUE(lock.try_lock());
}

TEST(Sync, HandlesTravelAndNamesMeet) {
  using All = std::tuple<mpx::Semaphore, mpx::BoundedSemaphore, mpx::Condition, mpx::Event,
                         mpx::Barrier, mpx::Array<int>>;
  mpx::Queue<All> queue;
  const All all{mpx::Semaphore(0), 1, {}, {}, mpx::Barrier(2), mpx::Array<int>{1, 2, 3}};
  queue.put(all);
  mpx::Process process(
      [](mpx::Queue<All> from) {
        const auto [semaphore, bounded, condition, event, barrier, array] = from.get();
        semaphore.release();
        bounded.acquire();
        event.set();
        array.store(1, 7);
        {
          const std::unique_lock guard(condition);
          condition.notify_all();
        }
        barrier.wait();
        mpx::Semaphore(mpx::named("sync s"), 5).acquire();
        mpx::BoundedSemaphore(mpx::named("sync b"), 6).acquire();
        mpx::Event(mpx::named("sync e")).set();
        mpx::Array<int>(mpx::named("sync a"), 8).store(7, 1);
        const mpx::Condition named(mpx::named("sync c"));
        const std::unique_lock guard(named);
        named.notify_one();
        mpx::Barrier(mpx::named("sync barrier"), 2).wait();
      },
      queue);
  process.start();
  const auto& [semaphore, bounded, condition, event, barrier, array] = all;
  barrier.wait();
  EXPECT_EQ(semaphore.value(), 1U);
  EXPECT_EQ(bounded.value(), 0U);
  EXPECT_TRUE(event.is_set());
  EXPECT_EQ(array.load(1), 7);
  mpx::Barrier(mpx::named("sync barrier"), 2).wait();
  EXPECT_EQ(mpx::Semaphore(mpx::named("sync s"), 9).value(), 4U) << "the first use decides";
  EXPECT_EQ(mpx::BoundedSemaphore(mpx::named("sync b")).value(), 5U);
  EXPECT_TRUE(mpx::Event(mpx::named("sync e")).is_set());
  EXPECT_EQ(mpx::Array<int>(mpx::named("sync a")).size(), 8U);
  EXPECT_THROW(mpx::Semaphore(mpx::named("sync b")), mpx::UsageError);
  process.join();
  EXPECT_EQ(process.exit_code(), 0);
}

}  // namespace
