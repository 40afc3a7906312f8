// A pool whose processes are threads of this one, on three ranks.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/memory_job.hpp"

namespace mpx::detail {
namespace {

using namespace std::chrono_literals;

struct PoolTest : testing::Test {
  MemoryJob job{3, {}, 1024, {}, 2};
};

long cube(long x) { return x * x * x; }

std::vector<long> numbers(std::size_t count) {
  std::vector<long> all(count);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

TEST_F(PoolTest, MapsKeepTheirOrder) {
  job.as(0, [] {
    mpx::Pool pool;
    const auto in = numbers(5000);
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{70}, std::size_t{5000}}) {
      const auto out = pool.map(cube, in, {.chunk_size = chunk});
      ASSERT_EQ(out.size(), in.size());
      for (std::size_t i = 0; i < in.size(); ++i) ASSERT_EQ(out[i], cube(in[i]));
    }
    EXPECT_EQ(pool.apply(cube, 3), 27);
  });
}

TEST_F(PoolTest, AnExceptionArrivesWithItsElement) {
  job.as(0, [] {
    mpx::Pool pool(2);
    const auto picky = [](int x) {
      if (x == 13) throw std::out_of_range("element " + std::to_string(x));
      return x;
    };
    EXPECT_THROW(static_cast<void>(pool.map(picky, {1, 13, 2})), std::out_of_range);
    EXPECT_EQ(pool.map(picky, {1, 2}), (std::vector<int>{1, 2}));
  });
}

TEST_F(PoolTest, LargeArgumentsAndResultsComeWhole) {
  job.as(0, [] {
    mpx::Pool pool(3);
    const auto twice = [](const std::string& text) { return text + text; };
    for (int i = 0; i < 5; ++i) {
      const std::string text(400'000, static_cast<char>('a' + i));
      EXPECT_EQ(pool.apply(twice, text), text + text);
    }
  });
}

TEST_F(PoolTest, TasksUseThePoolThatTheyRunIn) {
  job.as(0, [] {
    const mpx::Pool pool(2);
    const auto sum = [](const mpx::Pool& in, long n) {
      long all = 0;
      for (const long part : in.map(cube, numbers(static_cast<std::size_t>(n)))) all += part;
      return all;
    };
    EXPECT_EQ(pool.apply(sum, pool, 10), 2025);
  });
}

std::atomic<int> done_tasks = 0;

long counted_cube(long x) {
  std::this_thread::sleep_for(50us);
  ++done_tasks;
  return cube(x);
}

TEST_F(PoolTest, ItsProcessesAreKilledAsTheyWork) {
  job.as(0, [this] {
    mpx::Pool pool({.processes = 4, .retries = 100});
    std::atomic<bool> done = false;
    std::thread killer([&] {
      std::mt19937 random(11);
      for (int next = 20; !done; std::this_thread::yield()) {
        if (done_tasks < next) continue;
        job.kill_one(static_cast<int>(random() % 3), random);
        next = done_tasks + static_cast<int>(random() % 60);
      }
    });
    std::exception_ptr trouble;
    try {
      const auto in = numbers(3000);
      for (int round = 0; round < 3; ++round) {
        const auto out = pool.map(counted_cube, in, {.chunk_size = 7});
        for (std::size_t i = 0; i < in.size(); ++i) EXPECT_EQ(out[i], cube(in[i]));
      }
    } catch (...) {
      trouble = std::current_exception();
    }
    done = true;
    killer.join();
    if (trouble) std::rethrow_exception(trouble);
  });
}

TEST_F(PoolTest, IsEndedInTheMiddle) {
  job.as(0, [] {
    for (int round = 0; round < 10; ++round) {
      mpx::Pool pool(2);
      auto result = pool.map_async(cube, numbers(2000), {.chunk_size = 1});
      if (round % 2 == 0) std::this_thread::sleep_for(1ms);
      pool.terminate();
      pool.join();
    }
  });
}

}  // namespace
}  // namespace mpx::detail
