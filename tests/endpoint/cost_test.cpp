// The `Cost:` lines of the public headers, by counting messages. A round trip is two.

#include <gtest/gtest.h>

#include <array>
#include <functional>

#include "mpx/mpx.hpp"
#include "support/memory_job.hpp"

namespace mpx::detail {
namespace {

constexpr std::uint64_t kRoundTrip = 2;

/// Rank 0, where all objects live, a rank of its node, and one of another node.
class Costs : public testing::Test {
 protected:
  static constexpr int kNear = 1, kFar = 2;

  Traffic spent(int rank, const std::function<void()>& body) {
    const auto before = job_.traffic();
    job_.as(rank, body);
    return job_.traffic() - before;
  }
  std::uint64_t messages(int rank, const std::function<void()>& body) {
    return spent(rank, body).messages;
  }
  /// Handles of an object of rank 0, `handle` being made there, for each rank.
  template <class T>
  std::vector<T> everywhere(const T& handle) {
    auto all = handed_to_all(job_, handle);
    std::uint64_t seen = 0;  // what their coming costs is over
    EXPECT_TRUE(job_.settles([&] { return std::exchange(seen, job_.traffic().messages) == seen; }));
    return all;
  }

  MemoryJob job_{3, {}, 1024, {"a", "a", "b"}};
};

TEST_F(Costs, OfALock) {
  Lock made;
  auto locks = everywhere(made);
  for (const int rank : {0, kNear}) {
    EXPECT_EQ(messages(rank, [&] { at(locks, rank).lock(); }), 0U) << "rank " << rank;
    EXPECT_EQ(messages(rank, [&] { at(locks, rank).unlock(); }), 0U) << "rank " << rank;
  }
  EXPECT_EQ(messages(kFar, [&] { at(locks, kFar).lock(); }), kRoundTrip);
  EXPECT_EQ(messages(kNear, [&] { EXPECT_FALSE(at(locks, kNear).try_lock()); }), 0U);
  EXPECT_EQ(messages(kFar, [&] { at(locks, kFar).unlock(); }), kRoundTrip);
  EXPECT_EQ(messages(kFar, [&] { EXPECT_TRUE(at(locks, kFar).try_lock()); }), kRoundTrip + 1);
  EXPECT_EQ(messages(kFar, [&] { at(locks, kFar).unlock(); }), kRoundTrip);
}

TEST_F(Costs, OfARecursiveLockTakenAgain) {
  RecursiveLock made;
  auto locks = everywhere(made);
  job_.as(kFar, [&] { at(locks, kFar).lock(); });
  EXPECT_EQ(messages(kFar,
                     [&] {
                       at(locks, kFar).lock();
                       at(locks, kFar).unlock();
                     }),
            0U);
  job_.as(kFar, [&] { at(locks, kFar).unlock(); });
}

TEST_F(Costs, OfASemaphore) {
  Semaphore made(2);
  auto semaphores = everywhere(made);
  EXPECT_EQ(messages(kNear,
                     [&] {
                       at(semaphores, kNear).acquire();
                       at(semaphores, kNear).release();
                     }),
            0U);
  EXPECT_EQ(messages(kFar, [&] { at(semaphores, kFar).acquire(); }), kRoundTrip);
  EXPECT_EQ(messages(kFar, [&] { at(semaphores, kFar).release(); }), kRoundTrip);
  EXPECT_EQ(messages(kFar, [&] { EXPECT_EQ(at(semaphores, kFar).value(), 2U); }), kRoundTrip);
}

TEST_F(Costs, OfAnEvent) {
  Event made;
  auto events = everywhere(made);
  EXPECT_EQ(messages(kNear,
                     [&] {
                       at(events, kNear).set();
                       at(events, kNear).wait();
                       at(events, kNear).clear();
                     }),
            0U);
  EXPECT_EQ(messages(kFar, [&] { at(events, kFar).set(); }), kRoundTrip);
  EXPECT_EQ(messages(kFar, [&] { at(events, kFar).wait(); }), kRoundTrip);
}

using Count = std::function<std::uint64_t(int rank, const std::function<void()>& body)>;

template <class T>
void expect_cost_of_value(const Count& messages, std::vector<Value<T>> values, std::uint64_t near,
                          std::uint64_t far) {
  for (const int rank : {1, 2}) {
    const auto cost = rank == 1 ? near : far;
    const auto value = at(values, rank);
    EXPECT_EQ(messages(rank, [&] { static_cast<void>(value.load()); }), cost) << "rank " << rank;
    EXPECT_EQ(messages(rank, [&] { value.store(T{}); }), cost) << "rank " << rank;
    EXPECT_EQ(messages(rank, [&] { static_cast<void>(value.exchange(T{})); }), cost);
    T expected{};
    EXPECT_EQ(messages(rank, [&] { EXPECT_TRUE(value.compare_exchange(expected, T{})); }), cost);
    if constexpr (std::is_arithmetic_v<T>) {
      EXPECT_EQ(messages(rank, [&] { static_cast<void>(value.fetch_add(T{})); }), cost);
    }
  }
}

TEST_F(Costs, OfAValue) {
  const auto count = [&](int rank, const std::function<void()>& body) {
    return messages(rank, body);
  };
  expect_cost_of_value<long>(count, everywhere(Value<long>()), 0, kRoundTrip);
  expect_cost_of_value<short>(count, everywhere(Value<short>()), 0, kRoundTrip);
  expect_cost_of_value<float>(count, everywhere(Value<float>()), 0, kRoundTrip);
  using Large = std::array<long, 3>;
  expect_cost_of_value<Large>(count, everywhere(Value<Large>()), kRoundTrip, kRoundTrip);
}

TEST_F(Costs, OfAnArray) {
  Array<int> made(1000);
  auto arrays = everywhere(made);
  std::vector<int> all(1000);
  EXPECT_EQ(messages(kNear, [&] { static_cast<void>(at(arrays, kNear).load(3)); }), kRoundTrip);
  const auto read = spent(kFar, [&] { at(arrays, kFar).read(0, all); });
  EXPECT_EQ(read.messages, kRoundTrip);
  EXPECT_LT(read.bytes, 4000U + 100U);
  EXPECT_EQ(messages(kFar, [&] { at(arrays, kFar).write(0, all); }), kRoundTrip);
}

TEST_F(Costs, OfABarrier) {
  Barrier made(1), acting(1, [] {});
  auto barriers = everywhere(made), actors = everywhere(acting);
  EXPECT_EQ(messages(kFar, [&] { at(barriers, kFar).wait(); }), kRoundTrip);
  EXPECT_EQ(messages(kFar, [&] { at(actors, kFar).wait(); }), 2 * kRoundTrip);
}

TEST_F(Costs, OfACondition) {
  Lock lock;
  Condition made(lock);
  auto conditions = everywhere(made);
  const auto& condition = at(conditions, kFar);
  job_.as(kFar, [&] { condition.lock(); });
  EXPECT_EQ(messages(kFar, [&] { condition.notify_all(); }), kRoundTrip);
  const auto waited =
      messages(kFar, [&] { EXPECT_FALSE(condition.wait_for(std::chrono::milliseconds(1))); });
  EXPECT_EQ(waited, kRoundTrip + 1) << "the time-out is told";
  job_.as(kFar, [&] { condition.unlock(); });
}

TEST_F(Costs, OfAName) {
  job_.as(0, [&] { static_cast<void>(Value<int>(named("name"), 3).load()); });
  std::optional<Value<int>> found;
  EXPECT_EQ(messages(kFar, [&] { found.emplace(named("name")); }), kRoundTrip + 1)
      << "one to say that it has come";
  job_.as(kFar, [&] { EXPECT_EQ(found->load(), 3); });
}

TEST_F(Costs, OfAQueue) {
  Queue<int> made;
  auto queues = everywhere(made);
  const auto& queue = at(queues, kFar);
  const auto put = [&](int count) {
    return messages(kFar, [&] {
      for (int i = 0; i < count; ++i) queue.put(i);
      queue.flush();
    });
  };
  EXPECT_EQ(put(100), 100 + 2 * kRoundTrip) << "the first asks, and flush()";
  EXPECT_LE(put(2560), 2560 + 11 * kRoundTrip) << "every 256th asks";
  EXPECT_EQ(messages(kFar, [&] { static_cast<void>(queue.size()); }), kRoundTrip);
  const auto got = messages(kFar, [&] {
    for (int i = 0; i < 2660; ++i) static_cast<void>(queue.get());
  });
  EXPECT_LT(got, 2660U / 4) << "one that gets alone is handed items ahead";
}

TEST_F(Costs, OfAConnection) {
  std::optional<std::pair<Connection, Connection>> made;
  job_.as(0, [&] { made = pipe(); });
  auto ends = everywhere(made->second);
  auto far = at(ends, kFar);
  const auto sent = messages(kFar, [&] {
    for (int i = 0; i < 2560; ++i) far.send(i);
  });
  EXPECT_LE(sent, 2560 + 11 * kRoundTrip) << "the first asks, and every 256th";
  EXPECT_GE(sent, 2560U);
}

}  // namespace
}  // namespace mpx::detail
