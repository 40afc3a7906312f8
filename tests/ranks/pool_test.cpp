#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <boost/serialization/split_member.hpp>
#include <csignal>
#include <mpx/mpx.hpp>
#include <mutex>
#include <numeric>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

long cube(long x) { return x * x * x; }
void nothing(int) {}
int picky(int x) {
  if (x % 10 == 3) throw std::out_of_range("element " + std::to_string(x));
  return x;
}
std::vector<int> numbers(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

TEST(Pool, MapKeepsTheOrder) {
  mpx::Pool pool(2);
  const auto in = numbers(100'000);
  const auto out = pool.map(cube, in);
  ASSERT_EQ(out.size(), in.size());
  for (std::size_t i = 0; i < in.size(); ++i) ASSERT_EQ(out[i], cube(in[i]));
  EXPECT_EQ(pool.map(cube, {1, 2, 3}), (std::vector<long>{1, 8, 27}));
  EXPECT_TRUE(pool.map(cube, std::vector<long>{}).empty());
  EXPECT_EQ(pool.map(cube, in, {.chunk_size = 1}).back(), out.back());
  EXPECT_EQ(pool.map(cube, in, {.chunk_size = 7777}).back(), out.back());
  pool.map(nothing, in);
}

TEST(Pool, ApplyAndItsAsyncForms) {
  mpx::Pool pool(2);
  EXPECT_EQ(pool.apply(cube, 3), 27);
  EXPECT_EQ(pool.apply([](std::string a, const std::string& b) { return a + b; }, "con", "cat"),
            "concat");
  std::vector<mpx::AsyncResult<long>> results;
  for (long i = 0; i < 200; ++i) results.push_back(pool.apply_async(cube, i));
  for (long i = 0; i < 200; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)].get(), cube(i));
  EXPECT_TRUE(results[0].ready());
  EXPECT_TRUE(results[0].successful());
  auto slow = pool.apply_async([](int) { std::this_thread::sleep_for(200ms); }, 1);
  EXPECT_FALSE(slow.try_get_for(1ms));
  EXPECT_THROW(static_cast<void>(slow.successful()), mpx::UsageError);
  slow.get();
  EXPECT_EQ(pool.starmap([](int a, int b) { return a * b; },
                         std::vector<std::pair<int, int>>{{2, 3}, {4, 5}}),
            (std::vector<int>{6, 20}));
  EXPECT_EQ(pool.starmap([](int a, double b) { return a * b; }, {std::pair(2, 0.5)}),
            std::vector<double>{1});
  EXPECT_EQ(pool.starmap([](int a, const std::string& b) { return b + std::to_string(a); },
                         {{1, "a"}, {2, "b"}}),
            (std::vector<std::string>{"a1", "b2"}));
  EXPECT_EQ(pool.starmap([](auto a, auto b) { return a + b; }, {std::tuple(1, 2)}),
            std::vector<int>{3});
}

struct Made {
  mpx::Queue<int> queue;
  std::vector<mpx::Value<std::array<int, 4>>> values;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& queue& values;
  }
};

Made make_handles(int number) {
  Made made;
  made.queue.put(number);
  made.values.emplace_back(std::array{number, 0, 0, 0});
  return made;
}

std::vector<mpx::Array<int>> arrays_of_initializer;

// Nothing else holds these: not the task that made them, nor the range, nor the initializer's caller.
TEST(Pool, HandlesOnTheirWayLive) {
  mpx::Pool pool(
      mpx::PoolOptions{.processes = 2},
      [](mpx::Array<int> array) { arrays_of_initializer = {array}; }, mpx::Array<int>{10, 20});
  const auto made = pool.map(make_handles, {0, 1, 2, 3});
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(made[static_cast<std::size_t>(i)].queue.get(), i);
    EXPECT_EQ(made[static_cast<std::size_t>(i)].values.at(0).load()[0], i);
  }
  const auto [end, lock] = pool.apply([] {
    auto [near, far] = mpx::pipe();
    far.send(5);
    return std::pair(near, mpx::Condition());
  });
  EXPECT_TRUE(end.poll_for(10s));
  EXPECT_EQ(end.recv<int>(), 5);
  EXPECT_THROW(end.recv<int>(), mpx::Closed);
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
  const auto numbers = std::views::iota(0, 4) | std::views::transform(make_handles);
  EXPECT_EQ(pool.map([](const Made& one) { return one.queue.get(); }, numbers),
            (std::vector{0, 1, 2, 3}));
  EXPECT_EQ(pool.apply([] { return arrays_of_initializer.at(0).load(1); }), 20);
}

TEST(Pool, CallbacksAreCalledOnce) {
  mpx::Pool pool(1);
  int value = 0, errors = 0;
  pool.apply_async(cube, 2).then([&](long result) { value += static_cast<int>(result); }).get();
  pool.apply_async(picky, 3)
      .then([&](int) { value = -1; }, [&](const std::exception_ptr&) { ++errors; })
      .wait();
  for (int i = 0; i < 1000 && errors == 0; ++i) static_cast<void>(pool.apply(cube, 1));
  EXPECT_EQ(value, 8);
  EXPECT_EQ(errors, 1);
}

TEST(Pool, WhatACallbackThrowsReachesNobodyElse) {
  mpx::Pool pool(1);
  const mpx::Lock lock;
  const mpx::Queue<int> queue;
  int called = 0;
  std::vector<mpx::AsyncResult<long>> results;
  for (int i = 0; i < 20; ++i) {
    results.push_back(pool.apply_async(cube, 2).then([&](long) {
      ++called;
      throw std::runtime_error("from a callback");
    }));
    const std::lock_guard guard(lock);
    EXPECT_EQ(queue.try_get_for(1ms), std::nullopt);
  }
  for (auto& result : results) EXPECT_EQ(result.get(), 8);
  for (int i = 0; i < 1000 && called < 20; ++i) static_cast<void>(pool.apply(cube, 1));
  EXPECT_EQ(called, 20);
  results[0].then([](long) { throw std::runtime_error("from a callback that is called at once"); });
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
}

TEST(Pool, ExceptionsKeepTheirTypeAndIndex) {
  mpx::Pool pool(2);
  try {
    pool.map(picky, numbers(100));
    FAIL();
  } catch (const std::out_of_range& error) {
    EXPECT_STREQ(error.what(), "element 3");
    const auto* origin = dynamic_cast<const mpx::RemoteOrigin*>(&error);
    ASSERT_NE(origin, nullptr);
    EXPECT_EQ(origin->index(), 3U);
    EXPECT_GT(origin->pid(), 0);
  }
  EXPECT_EQ(pool.apply(cube, 2), 8);
}

TEST(Pool, ACallByItselfHasNoIndexNeitherInAMap) {
  const mpx::Pool pool(mpx::PoolOptions{.processes = 1, .retries = 0});
  try {
    pool.apply(picky, 3);
    FAIL();
  } catch (const mpx::RemoteOrigin& origin) {
    EXPECT_EQ(origin.index(), std::nullopt);
  }
  try {
    pool.apply([] { std::raise(SIGKILL); });
    FAIL();
  } catch (const mpx::ProcessLost& lost) {
    EXPECT_EQ(dynamic_cast<const mpx::RemoteOrigin&>(lost).index(), std::nullopt);
    EXPECT_NE(std::string(lost.what()).find("while it ran a task of Pool; tried once"),
              std::string::npos)
        << lost.what();
  }
  try {  // the element's index is that of the map
    pool.map(
        mpx::bind_front(
            [](const mpx::Pool& inner, int x) { return x < 2 ? x : inner.apply(picky, 3); }, pool),
        numbers(3));
    FAIL();
  } catch (const mpx::RemoteOrigin& origin) {
    EXPECT_EQ(origin.index(), 2U);
  }
}

TEST(Pool, DeathsCostOneElementOnly) {
  for (const int how : {0, 1, 2, 3, 4}) {
    mpx::Pool pool(mpx::PoolOptions{.processes = 2, .retries = 1});
    auto result = pool.map_async(mpx::bind_front(
                                     [](int way, int x) {
                                       if (x == 57) {
                                         if (way == 0) std::raise(SIGSEGV);
                                         if (way == 1) std::abort();
                                         if (way == 2) std::exit(3);
                                         if (way == 3) std::raise(SIGKILL);
                                         if (way == 4) {
                                           std::thread([parent = ::getpid()] {
                                             std::this_thread::sleep_for(20ms);
                                             ::kill(parent, SIGKILL);
                                           }).detach();
                                           ::kill(::getpid(), SIGSTOP);
                                         }
                                       }
                                       return x;
                                     },
                                     how),
                                 numbers(200));
    try {
      if (how == 4) {  // SIGSTOP stops its killer too: the pool is ended from here
        EXPECT_FALSE(result.wait_for(100ms));
        pool.terminate();
        EXPECT_THROW(result.get(), mpx::Error);
        pool.join();
        continue;
      }
      result.get();
      FAIL() << how;
    } catch (const mpx::ProcessLost& lost) {
      EXPECT_EQ(dynamic_cast<const mpx::RemoteOrigin&>(lost).index(), 57U);
      EXPECT_EQ(lost.who().exit_code, how == 0   ? -SIGSEGV
                                      : how == 1 ? -SIGABRT
                                      : how == 2 ? 3
                                                 : -SIGKILL);
    }
    EXPECT_EQ(pool.apply(cube, 2), 8) << how;
  }
}

TEST(Pool, AnElementThatDiesOnceIsRunAgain) {
  mpx::Pool pool(2);
  mpx::Value<int> deaths(0);
  const auto out = pool.map(mpx::bind_front(
                                [](mpx::Value<int> died, int x) {
                                  if (x == 5 && died.fetch_add(1) == 0) std::raise(SIGKILL);
                                  return x;
                                },
                                deaths),
                            numbers(50));
  EXPECT_EQ(out, numbers(50));
  EXPECT_EQ(deaths.load(), 2);
}

TEST(Pool, FinishedElementsNeverRunTwice) {
  mpx::Pool pool(mpx::PoolOptions{.processes = 2, .retries = 3});
  mpx::Queue<int> begun;
  const auto out = pool.map(mpx::bind_front(
                                [](mpx::Queue<int> queue, mpx::Value<int> died, int x) {
                                  queue.put(x);
                                  if (x % 50 == 49 && died.fetch_add(1) < 3) std::raise(SIGKILL);
                                  return x;
                                },
                                begun, mpx::Value<int>(0)),
                            numbers(300));
  EXPECT_EQ(out, numbers(300));
  std::vector<int> times(300);
  while (auto x = begun.try_get()) ++times[static_cast<std::size_t>(*x)];
  int again = 0;
  for (int x = 0; x < 300; ++x) {
    EXPECT_GE(times[static_cast<std::size_t>(x)], 1) << x;
    if (x % 50 != 49) {
      EXPECT_EQ(times[static_cast<std::size_t>(x)], 1) << x;
    }
    again += times[static_cast<std::size_t>(x)] - 1;
  }
  EXPECT_EQ(again, 3);
}

TEST(Pool, CloseJoinAndTerminate) {
  mpx::Pool pool(2);
  EXPECT_THROW(pool.join(), mpx::UsageError);
  auto result = pool.map_async(cube, numbers(1000));
  pool.close();
  EXPECT_THROW(static_cast<void>(pool.apply_async(cube, 1)), mpx::UsageError);
  pool.join();
  EXPECT_EQ(result.get().size(), 1000U);

  mpx::Pool slow(2);
  auto pending = slow.map_async([](int) { std::this_thread::sleep_for(10s); }, numbers(10'000));
  slow.terminate();
  slow.join();
  EXPECT_THROW(pending.get(), mpx::Closed);
}

TEST(Pool, TerminateIsPromptWithTenThousandSubmissionsPending) {
  mpx::Pool pool(2);
  std::vector<mpx::AsyncResult<void>> results;
  for (int i = 0; i < 10'000; ++i) {
    results.push_back(pool.apply_async([](int) { std::this_thread::sleep_for(100s); }, i));
  }
  pool.terminate();
  for (auto& result : results) EXPECT_THROW(result.get(), mpx::Closed);
  EXPECT_THROW(static_cast<void>(pool.apply_async(nothing, 1)), mpx::UsageError);
  pool.join();
}

struct MoveOnly {
  int value = 0;
  MoveOnly() = default;
  MoveOnly(MoveOnly&&) = default;
  MoveOnly& operator=(MoveOnly&&) = default;
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& value;
  }
};

TEST(Pool, ResultsThatCannotBeCopiedAreTakenOnce) {
  mpx::Pool pool(1);
  auto result = pool.apply_async([] {
    MoveOnly made;
    made.value = 7;
    return made;
  });
  EXPECT_EQ(result.get().value, 7);
  EXPECT_THROW(result.get(), mpx::UsageError);
}

/// Its result cannot be written.
struct Unwritable {
  template <class Archive>
  void save(Archive& /*archive*/, unsigned /*version*/) const {
    throw std::logic_error("cannot be written");
  }
  template <class Archive>
  void load(Archive& /*archive*/, unsigned /*version*/) {}
  BOOST_SERIALIZATION_SPLIT_MEMBER()
};

TEST(Pool, AResultThatThrowsWhenItIsWrittenFailsItsTaskOnly) {
  mpx::Pool pool(1);
  const auto pid = pool.apply([] { return ::getpid(); });
  try {
    pool.map([](int) { return Unwritable(); }, numbers(3));
    FAIL();
  } catch (const std::logic_error& error) {
    EXPECT_STREQ(error.what(), "cannot be written");
    EXPECT_EQ(dynamic_cast<const mpx::RemoteOrigin&>(error).index(), 0U);
  }
  EXPECT_EQ(pool.apply([] { return ::getpid(); }), pid);
}

int initial = 0;

TEST(Pool, TheInitializerPreparesEachProcess) {
  mpx::Pool pool(
      mpx::PoolOptions{.processes = 2}, [](int value) { initial = value; }, 11);
  for (const int value : pool.map([](int) { return initial; }, numbers(20))) EXPECT_EQ(value, 11);
  mpx::Pool broken(mpx::PoolOptions{.processes = 2},
                   [] { throw std::invalid_argument("no good"); });
  EXPECT_THROW(broken.apply(cube, 1), std::invalid_argument);
}

TEST(Pool, ProcessesAreReplacedAfterTheirTasks) {
  mpx::Pool pool(mpx::PoolOptions{.processes = 1, .max_tasks_per_child = 5});
  std::vector<long> pids;
  for (int i = 0; i < 20; ++i)
    pids.push_back(pool.apply([] { return static_cast<long>(::getpid()); }));
  std::sort(pids.begin(), pids.end());
  EXPECT_EQ(std::unique(pids.begin(), pids.end()) - pids.begin(), 4);
}

TEST(Pool, AResultThatCannotBeEncodedFailsItsTaskOnly) {
  mpx::Pool pool(1);
  const auto pid = pool.apply([] { return ::getpid(); });
  EXPECT_THROW(pool.apply([](int) -> std::string { throw std::bad_alloc(); }, 1), std::bad_alloc);
  EXPECT_EQ(pool.apply([] { return ::getpid(); }), pid);
}

TEST(Pool, WaitingTasksBehindASlowOneAreSpread) {
  mpx::Pool pool(2);
  const auto start = std::chrono::steady_clock::now();
  pool.map(nothing, numbers(10'000));  // the pool learns that tasks are short
  pool.map(
      [](int x) {
        if (x == 0)
          std::this_thread::sleep_for(1s);
        else
          std::this_thread::sleep_for(1ms);
      },
      numbers(400));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 30s);
}

TEST(Pool, BigArgumentsAndResults) {
  mpx::Pool pool(1);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100} << 20}) {
    const std::string text(size, 'x');
    const auto back = pool.apply([](std::string s) { return s; }, text);
    EXPECT_EQ(back.size(), size);
    EXPECT_TRUE(back == text);
  }
}

TEST(Pool, ProgressIsShownInTheEndAtLeast) {
  mpx::Pool pool(2);
  testing::internal::CaptureStderr();
  pool.map(nothing, numbers(70), {.progress = true});
  EXPECT_NE(testing::internal::GetCapturedStderr().find("70/70 (100 %)"), std::string::npos);
}

TEST(Pool, ASharedResultIsCopiedAndTheLastOneMoved) {
  mpx::Pool pool(1);
  auto result = pool.apply_async([] { return std::string(100, 'x'); });
  auto other = result;
  EXPECT_EQ(std::move(result).get().size(), 100U);
  EXPECT_EQ(other.get().size(), 100U);
  EXPECT_EQ(other.get().size(), 100U);
}

long fibonacci(mpx::Pool pool, long n) {
  if (n < 2) return n;
  auto left = pool.apply_async(fibonacci, pool, n - 1);
  const long right = pool.apply(fibonacci, pool, n - 2);
  return left.get() + right;
}

TEST(Pool, ATaskMayUseThePoolThatItRunsIn) {
  mpx::Pool pool(2);
  EXPECT_EQ(pool.apply(fibonacci, pool, 12L), 144);
  const auto table = [](mpx::Pool inner, int x) {
    const auto row = inner.map(mpx::bind_front([](int a, int b) { return a * b; }, x), numbers(50));
    return std::accumulate(row.begin(), row.end(), 0);
  };
  const auto sums = pool.map(mpx::bind_front(table, pool), numbers(20));
  for (int x = 0; x < 20; ++x) EXPECT_EQ(sums[static_cast<std::size_t>(x)], x * 49 * 25);
}

TEST(Pool, TasksOfTwoPoolsMayWaitForEachOther) {
  mpx::Pool one(1), two(1);
  const auto there = [](mpx::Pool other, mpx::Pool own, int x) {
    return other.apply([](mpx::Pool back, int y) { return back.apply(cube, long{y}); }, own, x);
  };
  EXPECT_EQ(one.map(mpx::bind_front(there, two, one), {1, 2, 3, 4}),
            (std::vector<long>{1, 8, 27, 64}));
}

TEST(Pool, WhatATaskNeedsIsCarriedOutAfterClose) {
  mpx::Pool pool(2);
  auto result = pool.apply_async(fibonacci, pool, 6L);
  pool.close();
  EXPECT_EQ(result.get(), 8);
  pool.join();
}

TEST(Pool, AnExceptionAndADeathOfAnInnerTaskReachTheOuterOne) {
  mpx::Pool pool(mpx::PoolOptions{.processes = 2, .retries = 0});
  const auto outer = [](mpx::Pool inner, int how) {
    try {
      inner.apply([](int way) { way == 0 ? std::abort() : throw std::out_of_range("inner"); }, how);
    } catch (const mpx::ProcessLost&) {
      return 1;
    } catch (const std::out_of_range&) {
      return 2;
    }
    return 0;
  };
  EXPECT_EQ(pool.map(mpx::bind_front(outer, pool), {0, 1, 0, 1}), (std::vector<int>{1, 2, 1, 2}));
}

}  // namespace
