#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <mpx/mpx.hpp>
#include <mutex>
#include <numeric>
#include <optional>
#include <thread>
#include <tuple>

#include "ranks/job_support.hpp"

namespace {

using namespace std::chrono_literals;

TEST(Handles, AProcessThatHasNotStartedHoldsItsArguments) {
  mpx::Queue<int> results;
  std::optional<mpx::Process> process;
  {
    mpx::Queue<int> numbers;
    for (const int number : {1, 2, 3}) numbers.put(number);
    process.emplace(
        [](mpx::Queue<int> in, mpx::Queue<int> out) {
          for (int i = 0; i < 3; ++i) out.put(in.get());
        },
        numbers, results);
  }
  process->start();
  for (const int number : {1, 2, 3}) EXPECT_EQ(results.get(), number);
  process->join();
}

TEST(Queue, ManyProducersAndConsumersLoseNothing) {
  mpx::Queue<int> in, out;
  constexpr int kItems = 2000;
  std::vector<mpx::Process> all;
  for (int p = 0; p < 3; ++p) {
    all.emplace_back(
        [](mpx::Queue<int> queue, int first) {
          for (int i = 0; i < kItems; ++i) queue.put(first + i);
        },
        in, p * kItems);
    all.emplace_back(
        [](mpx::Queue<int> from, mpx::Queue<int> to) {
          try {
            while (true) to.put(from.get());
          } catch (const mpx::Closed&) {
          }
        },
        in, out);
  }
  for (const auto& process : all) process.start();
  for (int p = 0; p < 6; p += 2) all[static_cast<std::size_t>(p)].join();
  in.close();
  long long sum = 0;
  for (int i = 0; i < 3 * kItems; ++i) sum += out.get();
  for (const auto& process : all) process.join();
  EXPECT_EQ(sum, 3LL * kItems * (3 * kItems - 1) / 2);
  EXPECT_TRUE(out.empty());
}

TEST(Queue, OneProducerToOneConsumerKeepsTheOrder) {
  mpx::Queue<int> queue;
  mpx::Process process(
      [](mpx::Queue<int> out) {
        for (int i = 0; i < 100'000; ++i) out.put(i);
      },
      queue);
  process.start();
  for (int i = 0; i < 100'000; ++i) ASSERT_EQ(queue.get(), i);
  process.join();
}

std::string home_refused(int home) {
  try {
    mpx::Queue<int>({.home = mpx::Rank(home)}).put(1);
  } catch (const mpx::UsageError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Queue, AHomeThatIsNoRankIsRefused) {
  const mpx::Pool pool(1);
  for (const int home : {99, -1}) {
    const auto text = testing::HasSubstr("there is no rank " + std::to_string(home) +
                                         ": this job has the ranks 0 to ");
    EXPECT_THAT(home_refused(home), text);
    EXPECT_THAT(pool.apply(home_refused, home), text) << "in a process";
  }
}

TEST(Queue, CapacityHoldsProducersBack) {
  mpx::Queue<int> queue(mpx::QueueOptions{.capacity = 2});
  queue.put(1);
  EXPECT_TRUE(queue.try_put(2));
  EXPECT_TRUE(queue.full());
  EXPECT_FALSE(queue.try_put(3));
  EXPECT_FALSE(queue.try_put_for(3, 10ms));
  EXPECT_EQ(queue.size(), 2U);
  EXPECT_EQ(queue.get(), 1);
  EXPECT_TRUE(queue.try_put_for(3, 10s));
  EXPECT_EQ(queue.get(), 2);
  EXPECT_EQ(queue.get(), 3);
  EXPECT_FALSE(queue.try_get());
  EXPECT_FALSE(queue.try_get_for(10ms));
  EXPECT_TRUE(queue.empty());
}

// cpython 73983. The home has no room for what comes, and still hands out what it has.
TEST(Queue, OverItsBudgetItGoesOn) {
  constexpr int kItems = 1000;
  mpx::Queue<std::string> queue(mpx::QueueOptions{.budget_bytes = std::size_t{1} << 20});
  mpx::Process process(
      [](mpx::Queue<std::string> out) {
        for (int i = 0; i < kItems; ++i) out.put(std::to_string(i) + std::string(4096, 'x'));
      },
      queue);
  process.start();
  std::this_thread::sleep_for(100ms);  // so that it is full
  for (int i = 0; i < kItems; ++i) {
    const auto item = queue.try_get_for(30s);
    ASSERT_TRUE(item) << "item " << i;
    ASSERT_EQ(std::stoi(*item), i);
  }
  process.join();
}

TEST(Queue, CloseLetsGettersDrainThenThrows) {
  mpx::Queue<std::string> queue;
  queue.put("a");
  queue.close();
  EXPECT_THROW(queue.put("b"), mpx::Closed);
  EXPECT_EQ(queue.get(), "a");
  EXPECT_THROW(queue.get(), mpx::Closed);
  EXPECT_THROW(static_cast<void>(queue.try_get()), mpx::Closed);
}

TEST(Queue, WhatADeadConsumerHadNotTakenComesBack) {
  mpx::Queue<int> queue;
  auto [here, there] = mpx::pipe();
  for (int i = 0; i < 1000; ++i) queue.put(i);
  mpx::Process process(
      [](mpx::Queue<int> from, mpx::Connection to) {
        for (int i = 0; i < 100; ++i) from.get();
        to.send(1);
        while (true) ::pause();
      },
      queue, there);
  process.start();
  here.recv<int>();
  EXPECT_EQ(queue.size(), 900U);
  process.kill();
  process.join();
  for (int i = 100; i < 1000; ++i) ASSERT_EQ(queue.get(), i);
}

TEST(Queue, HandlesTravelInQueuesAndStructs) {
  mpx::Queue<std::pair<int, mpx::Connection>> queue;
  auto [a, b] = mpx::pipe();
  queue.put({1, b});
  b.close();
  mpx::Process process(
      [](mpx::Queue<std::pair<int, mpx::Connection>> from) {
        from.get().second.send(std::string("through a queue"));
      },
      queue);
  process.start();
  EXPECT_EQ(a.recv<std::string>(), "through a queue");
  process.join();
  EXPECT_THROW(a.recv<int>(), mpx::Closed);
}

TEST(Lock, ExcludesProcessesFromEachOther) {
  const int turns = mpx_job_test::repeats(500);
  mpx::Lock lock;
  mpx::Value<long> value(0);
  std::vector<mpx::Process> processes;
  for (int p = 0; p < 4; ++p) {
    processes.emplace_back(
        [](mpx::Lock mutex, mpx::Value<long> counter, int times) {
          for (int i = 0; i < times; ++i) {
            std::scoped_lock guard(mutex);
            counter.store(counter.load() + 1);
          }
        },
        lock, value, turns);
    processes.back().start();
  }
  for (const auto& process : processes) process.join();
  EXPECT_EQ(value.load(), 4 * turns);
}

TEST(Lock, TimedFormsGiveUp) {
  mpx::Lock lock;
  lock.lock();
  EXPECT_FALSE(lock.try_lock());
  EXPECT_FALSE(lock.try_lock_for(20ms));
  EXPECT_FALSE(lock.try_lock_until(std::chrono::system_clock::now() + 5ms));
  lock.unlock();
  EXPECT_TRUE(lock.try_lock_for(10s));
  lock.unlock();
  EXPECT_THROW(lock.unlock(), mpx::UsageError);
}

TEST(Lock, AnyProcessMayUnlock) {
  mpx::Lock lock;
  lock.lock();
  mpx::Process process([](mpx::Lock mutex) { mutex.unlock(); }, lock);
  process.start();
  lock.lock();
  process.join();
  lock.unlock();
}

TEST(Lock, ADeadHolderLeavesItAbandoned) {
  mpx::Lock lock;
  mpx::Process process(
      [](mpx::Lock mutex) {
        mutex.lock();
        ::raise(SIGKILL);
      },
      lock);
  process.start();
  process.join();
  lock.lock();
  EXPECT_TRUE(lock.abandoned());
  lock.clear_abandoned();
  EXPECT_FALSE(lock.abandoned());
  lock.unlock();
  lock.lock();
  EXPECT_FALSE(lock.abandoned());
  lock.unlock();
}

TEST(RecursiveLock, BelongsToItsThread) {
  mpx::RecursiveLock lock;
  lock.lock();
  lock.lock();
  std::thread([&] {
    EXPECT_FALSE(lock.try_lock());
    EXPECT_THROW(lock.unlock(), mpx::UsageError);
  }).join();
  lock.unlock();
  lock.unlock();
  EXPECT_THROW(lock.unlock(), mpx::UsageError);
}

TEST(RecursiveLock, StaysItsThreadsWithoutAHandle) {
  const auto lock = [] { return mpx::RecursiveLock(mpx::named("kept")); };
  mpx::RecursiveLock(mpx::named("kept")).lock();
  EXPECT_TRUE(lock().try_lock());
  lock().unlock();
  lock().unlock();
  EXPECT_THROW(lock().unlock(), mpx::UsageError);
}

TEST(Lock, IsTriedUntilATimeThatNeverComes) {
  const mpx::Lock lock;
  lock.lock();
  std::thread other(
      [&] { EXPECT_TRUE(lock.try_lock_until(std::chrono::system_clock::time_point::max())); });
  std::this_thread::sleep_for(20ms);
  lock.unlock();
  other.join();
  EXPECT_FALSE(lock.try_lock_until(std::chrono::steady_clock::time_point::min()));
  EXPECT_FALSE(lock.try_lock_until(std::chrono::steady_clock::now() + 5ms));
  lock.unlock();
}

struct Big {
  double numbers[8];
};

TEST(Value, IsSharedAndAtomic) {
  mpx::Value<int> small(5);
  mpx::Value<double> real(0.5);
  mpx::Value<Big> big(Big{{1, 2, 3, 4, 5, 6, 7, 8}});
  mpx::Value<unsigned char> byte(250);
  EXPECT_EQ(small.load(), 5);
  EXPECT_EQ(small.exchange(-6), 5);
  int expected = 0;
  EXPECT_FALSE(small.compare_exchange(expected, 1));
  EXPECT_EQ(expected, -6);
  EXPECT_TRUE(small.compare_exchange(expected, 1));
  EXPECT_EQ(real.fetch_add(1.25), 0.5);
  EXPECT_EQ(real.load(), 1.75);
  EXPECT_EQ(byte.fetch_add(10), 250);
  EXPECT_EQ(byte.load(), 4);
  EXPECT_EQ(big.load().numbers[7], 8);
  std::vector<mpx::Process> processes;
  for (int p = 0; p < 4; ++p) {
    processes.emplace_back(
        [](mpx::Value<int> a, mpx::Value<Big> b) {
          for (int i = 0; i < 200; ++i) a.fetch_add(1);
          auto lock = b.get_lock();
          std::scoped_lock guard(lock);
          auto value = b.load();
          value.numbers[0] += 1;
          b.store(value);
        },
        small, big);
    processes.back().start();
  }
  for (const auto& process : processes) process.join();
  EXPECT_EQ(small.load(), 801);
  EXPECT_EQ(big.load().numbers[0], 5);
}

TEST(Named, BodyProcessesAndTasksMeet) {
  const mpx::Queue<int> queue(mpx::named("meeting"));
  const mpx::Value<int> sum(mpx::named("sum"));
  mpx::Process process([] {
    const mpx::Queue<int> same(mpx::named("meeting"));
    for (int i = 1; i <= 100; ++i) same.put(i);
  });
  process.start();
  mpx::Pool pool(3);
  pool.map(
      [](int count) {
        const mpx::Queue<int> same(mpx::named("meeting"));
        for (int i = 0; i < count; ++i) {
          const mpx::Lock lock(mpx::named("sum lock"));
          const mpx::Value<int> total(mpx::named("sum"));
          const int item = same.get();
          const std::scoped_lock guard(lock);
          total.store(total.load() + item);
        }
      },
      std::vector<int>(10, 10), {.chunk_size = 1});
  process.join();
  EXPECT_EQ(sum.load(), 5050);
  EXPECT_TRUE(queue.empty());
}

TEST(Named, WhatAProcessMadeOutlivesIt) {
  mpx::Process maker([] {
    mpx::Queue<int>(mpx::named("heritage")).put(7);
    mpx::Lock(mpx::named("heritage lock")).lock();
  });
  maker.start();
  maker.join();
  ASSERT_EQ(maker.exit_code(), 0);
  EXPECT_EQ(mpx::Queue<int>(mpx::named("heritage")).get(), 7);
  const mpx::Lock lock(mpx::named("heritage lock"));
  EXPECT_TRUE(lock.try_lock_for(5s));
  EXPECT_THROW(mpx::Lock(mpx::named("heritage")), mpx::UsageError);
}

TEST(Handles, AHundredThousandComeAndGo) {
  for (int i = 0; i < 100'000; ++i) {
    mpx::Lock lock;
    lock.lock();
    lock.unlock();
  }
  mpx::Queue<mpx::Value<int>> there, back;
  mpx::Process process(
      [](mpx::Queue<mpx::Value<int>> in, mpx::Queue<mpx::Value<int>> out) {
        try {
          while (true) {
            auto value = in.get();
            value.fetch_add(1);
            out.put(value);
          }
        } catch (const mpx::Closed&) {
        }
      },
      there, back);
  process.start();
  for (int i = 0; i < mpx_job_test::repeats(5'000); ++i) {
    there.put(mpx::Value<int>(i));
    ASSERT_EQ(back.get().load(), i + 1);
  }
  there.close();
  process.join();
}

TEST(Threads, EachMayWaitWhileAnotherActs) {
  mpx::Queue<int> queue;
  mpx::Lock lock;
  std::thread getter([&] { EXPECT_EQ(queue.get(), 1); });
  std::this_thread::sleep_for(20ms);
  queue.put(1);
  getter.join();
  lock.lock();
  std::thread waiter([&] {
    lock.lock();
    lock.unlock();
  });
  std::this_thread::sleep_for(20ms);
  lock.unlock();
  waiter.join();
  mpx::Process process(
      [](mpx::Queue<int> items) {
        std::thread other([&] { static_cast<void>(items.get()); });
        EXPECT_FALSE(items.try_get_for(50ms));
        items.put(1);
        other.join();
      },
      queue);
  process.start();
  EXPECT_TRUE(process.join_for(60s));
  EXPECT_EQ(process.exit_code(), 0);
}

}  // namespace
