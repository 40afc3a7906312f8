#include <gtest/gtest.h>

#include <atomic>

#include "mpx/mpx.hpp"
#include "support/memory_job.hpp"

namespace mpx::detail {
namespace {

constexpr NetworkFaults kRough{.hold = 0.2, .shuffle = true, .seed = 5};

std::string usage_text(const std::function<void()>& action) {
  try {
    action();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Named, TheSameNameIsTheSameObjectOnAllRanks) {
  constexpr int kRanks = 4, kTurns = 200;
  MemoryJob job(kRanks, kRough);
  std::atomic<int> inside = 0;
  job.run(
      [&](int rank) {
        const Queue<int> queue(named("queue"), {.capacity = 3});
        const Lock lock(named("lock"));
        const RecursiveLock recursive(named("recursive"));
        const Value<long> value(named("value"), 1000);
        for (int turn = 0; turn < kTurns; ++turn) {
          rank % 2 == 0 ? queue.put(turn) : static_cast<void>(queue.get());
          const std::scoped_lock outer(lock, recursive);
          const std::scoped_lock again(recursive);
          ASSERT_EQ(++inside, 1);
          value.store(value.load() + 1);
          --inside;
        }
      },
      2);
  job.as(3, [&] {
    EXPECT_EQ(Value<long>(named("value"), 7).load(), 1000 + 2 * kRanks * kTurns)
        << "it lives on without handles, and its first value counts";
    EXPECT_TRUE(Queue<int>(named("queue")).empty());
  });
}

TEST(Named, ThreadsThatShareAQueueLeaveNothingBehindForTheNextHandle) {
  constexpr int kRounds = 200, kItems = 4;
  MemoryJob job(2, kRough);
  job.as(0, [&] { static_cast<void>(Queue<int>(named("queue"), {.capacity = 2}).size()); });
  std::atomic<int> sum = 0;
  job.run(
      [&](int rank) {
        for (int round = 0; round < kRounds; ++round) {
          const Queue<int> queue(named("queue"));  // often the rank's only one, made anew
          for (int i = 0; i < kItems; ++i) {
            rank == 0 ? queue.put(1) : static_cast<void>(sum += queue.get());
          }
        }
      },
      2);
  EXPECT_EQ(sum, 2 * kRounds * kItems);
}

TEST(Named, OptionsOfTheFirstCount) {
  MemoryJob job(2);
  job.as(0, [&] { EXPECT_TRUE(Queue<int>(named("q"), {.capacity = 1}).try_put(1)); });
  job.as(1, [&] {
    const Queue<int> queue(named("q"), {.capacity = 10});
    EXPECT_FALSE(queue.try_put(2));
    EXPECT_EQ(queue.get(), 1);
  });
}

TEST(Named, HandlesOfANamedObjectTravel) {
  MemoryJob job(2);
  job.as(0, [&] {
    const Queue<Queue<int>> post(named("post"));
    const Queue<int> queue(named("queue"));
    post.put(queue);
    queue.put(5);
  });
  job.as(1, [&] {
    const auto queue = Queue<Queue<int>>(named("post")).get();
    EXPECT_EQ(queue.get(), 5);
    Queue<int>(named("queue")).put(6);
    EXPECT_EQ(queue.get(), 6) << "two handles of one process share their core";
  });
}

TEST(Named, AnotherTypeIsRefusedNamingBoth) {
  MemoryJob job(2);
  job.as(0, [&] { const Queue<int> queue(named("tiles")); });
  job.as(1, [&] {
    EXPECT_EQ(usage_text([] { Queue<std::string> queue(named("tiles")); }),
              "looking up a named object: named(\"tiles\") is a mpx::Queue<int>, and is asked for "
              "as a mpx::Queue<std::string>");
    EXPECT_EQ(usage_text([] { Lock lock(named("tiles")); }),
              "looking up a named object: named(\"tiles\") is a mpx::Queue<int>, and is asked for "
              "as a mpx::Lock");
  });
}

TEST(Named, WhatCannotBeMadeIsMadeByTheNextWhoAsks) {
  MemoryJob job(2, {}, 0);  // no words
  job.as(1, [&] {
    EXPECT_THROW(Lock lock(named("thing")), UsageError);
    EXPECT_NO_THROW(Queue<int>(named("thing")).put(1));
  });
  job.as(0, [&] { EXPECT_EQ(Queue<int>(named("thing")).get(), 1); });
}

TEST(Named, NamesHaveBounds) {
  EXPECT_THROW(static_cast<void>(named("")), UsageError);
  EXPECT_THROW(static_cast<void>(named(std::string(4097, 'x'))), UsageError);
  MemoryJob job(1);
  job.as(0, [&] {
    Queue<int>(named(std::string(4096, 'x'))).put(1);
    Queue<int>(named(std::string("a\0b", 3))).put(2);
    EXPECT_EQ(Queue<int>(named(std::string(4096, 'x'))).get(), 1);
    EXPECT_EQ(Queue<int>(named(std::string("a\0b", 3))).get(), 2);
  });
}

TEST(Named, OutsideAJobThereAreNone) { EXPECT_THROW(Queue<int>(named("q")), UsageError); }

}  // namespace
}  // namespace mpx::detail
