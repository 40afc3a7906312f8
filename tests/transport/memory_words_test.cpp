#include "transport/memory_words.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

TEST(MemoryWords, AreAtomic) {
  constexpr int kRanks = 4;
  constexpr std::uint64_t kTurns = 5000;
  const auto space = std::make_shared<MemoryWordSpace>(kRanks);
  MemoryWords home(space, 0);
  const auto added = *home.allocate(1);
  const auto swapped = *home.allocate(0);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < kRanks; ++rank)
    threads.emplace_back([&, rank] {
      MemoryWords words(space, rank);
      for (std::uint64_t turn = 0; turn < kTurns; ++turn) {
        words.fetch_add(added, 2);
        std::uint64_t seen = words.load(swapped);
        for (;;) {
          const auto before = words.compare_exchange(swapped, seen, seen + 1);
          if (before == seen) break;
          seen = before;
        }
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(home.load(added), 1 + 2 * kRanks * kTurns);
  EXPECT_EQ(home.load(swapped), kRanks * kTurns);
}

TEST(MemoryWords, ReturnWhatTheyWere) {
  MemoryWords words(std::make_shared<MemoryWordSpace>(1), 0);
  const auto word = *words.allocate(5);
  EXPECT_EQ(words.exchange(word, 6), 5u);
  EXPECT_EQ(words.fetch_add(word, 4), 6u);
  EXPECT_EQ(words.fetch_add(word, 1), 10u);
  EXPECT_EQ(words.compare_exchange(word, 3, 0), 11u);
  EXPECT_EQ(words.load(word), 11u);
  EXPECT_EQ(words.compare_exchange(word, 11, 0), 11u);
  EXPECT_EQ(words.load(word), 0u);
}

TEST(MemoryWords, RunOutAndAreUsedAgain) {
  MemoryWords words(std::make_shared<MemoryWordSpace>(2, 3), 1);
  EXPECT_EQ(words.capacity(), 3u);
  const auto first = *words.allocate(1);
  EXPECT_EQ(first.home, 1);
  ASSERT_TRUE(words.allocate(2));
  ASSERT_TRUE(words.allocate(3));
  EXPECT_FALSE(words.allocate(4));
  EXPECT_EQ(words.used(), 3u);
  words.release(first);
  EXPECT_EQ(words.used(), 2u);
  const auto again = words.allocate(9);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->slot, first.slot);
  EXPECT_EQ(words.load(*again), 9u);
}

TEST(MemoryWords, RefuseWhatIsNotTheirs) {
  const auto space = std::make_shared<MemoryWordSpace>(2, 4);
  MemoryWords words(space, 0);
  const auto word = *words.allocate(0);
  words.release(word);
  EXPECT_THROW(words.release(word), UsageError);
  EXPECT_THROW(words.release({0, 99}), UsageError);
  EXPECT_THROW(words.release({1, 0}), UsageError);
  EXPECT_THROW(static_cast<void>(words.load({2, 0})), UsageError);
  EXPECT_THROW(static_cast<void>(words.load({0, 4})), UsageError);
}

TEST(MemoryWords, MayReachOnlySomeRanks) {
  const auto space = std::make_shared<MemoryWordSpace>(3);
  MemoryWords zero(space, 0, {true, true, false});
  MemoryWords two(space, 2, {false, false, true});
  const auto near = *zero.allocate(1);
  const auto far = *two.allocate(2);
  EXPECT_TRUE(zero.reaches(0));
  EXPECT_TRUE(zero.reaches(1));
  EXPECT_FALSE(zero.reaches(2));
  EXPECT_FALSE(zero.reaches(3));
  EXPECT_FALSE(zero.reaches(-1));
  EXPECT_EQ(zero.load(near), 1u);
  EXPECT_EQ(two.load(far), 2u);
  EXPECT_THROW(static_cast<void>(zero.load(far)), UsageError);
  EXPECT_THROW(two.fetch_add(near, 1), UsageError);
}

}  // namespace
}  // namespace mpx::detail
