// Shared objects between processes, which are threads of this one, on three ranks.

#include <gtest/gtest.h>

#include <chrono>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/memory_job.hpp"

namespace mpx::detail {
namespace {

using namespace std::chrono_literals;

struct ObjectsTest : testing::Test {
  MemoryJob job{3, {}, 1024, {}, 2};
};

void join_all(std::vector<mpx::Process>& all) {
  for (const auto& process : all) process.join();
  for (const auto& process : all) EXPECT_EQ(process.exit_code(), 0);
}

template <class... Args>
std::vector<mpx::Process> start_all(int count, Args... args) {
  std::vector<mpx::Process> all;
  for (int i = 0; i < count; ++i) {
    all.emplace_back(args...);
    all.back().start();
  }
  return all;
}

void produce(const mpx::Queue<std::string>& queue, int count, std::size_t size) {
  for (int i = 0; i < count; ++i) queue.put(std::string(size, static_cast<char>('a' + i % 26)));
}

TEST_F(ObjectsTest, AQueueBetweenProcessesLosesNothing) {
  job.as(0, [] {
    for (const std::size_t size : {std::size_t{1}, std::size_t{5'000}, std::size_t{300'000}}) {
      const mpx::Queue<std::string> queue;
      const int each = size > 100'000 ? 8 : 200;
      auto all = start_all(4, produce, queue, each, size);
      for (int i = 0; i < 4 * each; ++i) {
        const auto item = queue.get();
        ASSERT_EQ(item, std::string(size, item[0]));
      }
      join_all(all);
      EXPECT_TRUE(queue.empty());
    }
  });
}

void consume(const mpx::Queue<int>& queue, const mpx::Value<long>& sum) {
  while (const int item = queue.get()) sum.fetch_add(item);
}

TEST_F(ObjectsTest, ConsumersShareTheItemsAndAValue) {
  job.as(0, [] {
    const mpx::Queue<int> queue;
    const mpx::Value<long> sum;
    auto all = start_all(4, consume, queue, sum);
    for (int i = 1; i <= 1000; ++i) queue.put(i);
    for (int i = 0; i < 4; ++i) queue.put(0);
    join_all(all);
    EXPECT_EQ(sum.load(), 500'500);
  });
}

void echo(const mpx::Connection& end) {
  while (true) {
    const auto text = end.recv<std::string>();
    if (text.empty()) return;
    end.send(text + text);
  }
}

TEST_F(ObjectsTest, APipeCarriesMessagesOfAllSizes) {
  job.as(0, [] {
    auto [here, there] = mpx::pipe();
    auto all = start_all(1, echo, std::exchange(there, {}));
    for (const std::size_t size : {std::size_t{1}, std::size_t{70'000}, std::size_t{700'000}}) {
      here.send(std::string(size, 'x'));
      EXPECT_EQ(here.recv<std::string>(), std::string(2 * size, 'x'));
    }
    here.send(std::string());
    join_all(all);
  });
}

void meet(const mpx::Barrier& barrier, const mpx::Lock& lock, const mpx::Array<int>& counts) {
  for (int round = 0; round < 20; ++round) {
    {
      const std::scoped_lock guard(lock);
      counts.store(0, counts.load(0) + 1);
    }
    barrier.wait();
    if (counts.load(0) != 3 * (round + 1)) throw std::logic_error("a barrier let somebody through");
    barrier.wait();
  }
}

TEST_F(ObjectsTest, ALockAndABarrierKeepProcessesInStep) {
  job.as(0, [] {
    const mpx::Array<int> counts(1);
    auto all = start_all(3, meet, mpx::Barrier(3), mpx::Lock(), counts);
    join_all(all);
    EXPECT_EQ(counts.load(0), 60);
  });
}

void hold(const mpx::Lock& lock, const mpx::Semaphore& semaphore, const mpx::Event& held,
          const mpx::Event& never) {
  lock.lock();
  semaphore.acquire();
  held.set();
  never.wait();
}

TEST_F(ObjectsTest, WhatAKilledProcessHeldIsFreeAgain) {
  job.as(0, [] {
    const mpx::Lock lock;
    const mpx::Semaphore semaphore(1, mpx::SemaphoreOptions{.owned = true});
    for (int round = 0; round < 20; ++round) {
      const mpx::Event held, never;
      auto all = start_all(1, hold, lock, semaphore, held, never);
      held.wait();
      EXPECT_FALSE(lock.try_lock());
      all[0].kill();
      lock.lock();
      EXPECT_TRUE(lock.abandoned());
      lock.clear_abandoned();
      lock.unlock();
      semaphore.acquire();
      semaphore.release();
      all[0].join();
    }
    EXPECT_EQ(semaphore.value(), 1);
  });
}

/// Moves items from one queue to the other until it is killed.
void carry(const mpx::Queue<int>& from, const mpx::Queue<int>& to) {
  while (true) to.put(from.get());
}

// An item that a process had when it died is lost, one for each death at most; none comes twice.
TEST_F(ObjectsTest, ProcessesAreKilledAsTheyCarryItems) {
  constexpr int kItems = 2000, kKills = 40;
  job.as(0, [this] {
    std::mt19937 random(7);
    const mpx::Queue<int> from, to;
    std::vector<int> seen(kItems);
    for (int i = 0; i < kItems; ++i) from.put(i);
    auto all = start_all(3, carry, from, to);
    for (int kill = 0; kill < kKills; ++kill) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
      job.kill_one(static_cast<int>(random() % 3), random);
      for (auto& process : all) {
        if (process.is_alive()) continue;
        process = mpx::Process(carry, from, to);
        process.start();
      }
    }
    int come = 0;
    while (const auto item = to.try_get_for(500ms)) {
      ++come;
      EXPECT_EQ(++seen.at(static_cast<std::size_t>(*item)), 1) << *item;
    }
    EXPECT_GE(come, kItems - kKills);
    for (const auto& process : all) process.kill();
    for (const auto& process : all) process.join();
  });
}

}  // namespace
}  // namespace mpx::detail
