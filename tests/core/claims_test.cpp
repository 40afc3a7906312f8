#include "core/claims.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <mutex>
#include <thread>

#include "support/homes.hpp"

namespace mpx::detail {
namespace {

constexpr std::uint32_t kNumbers = (1u << 26) - 1;  // in one epoch

TEST(ClaimWord, UnitsAreTakenInOrderAndOnce) {
  ClaimWord word;
  const auto stamp = word.extend(3, 2);
  ASSERT_TRUE(stamp);
  EXPECT_EQ(stamp->slot, 3);
  EXPECT_EQ(stamp->count, 2u);
  EXPECT_FALSE(word.take(stamp->epoch, stamp->first + 1)) << "not its turn";
  EXPECT_TRUE(word.take(stamp->epoch, stamp->first));
  EXPECT_FALSE(word.take(stamp->epoch, stamp->first)) << "taken";
  EXPECT_TRUE(word.take(stamp->epoch, stamp->first + 1));
  EXPECT_FALSE(word.take(stamp->epoch, stamp->first + 2)) << "never handed out";
}

TEST(ClaimWord, DeliveriesAreNumberedThrough) {
  ClaimWord word;
  const auto first = word.extend(0, 5), second = word.extend(0, 7);
  EXPECT_EQ(second->epoch, first->epoch);
  EXPECT_EQ(second->first, first->first + 5);
  EXPECT_EQ(word.revoke(), 12u);
}

TEST(ClaimWord, RevokingTakesBackWhatWasNotTaken) {
  ClaimWord word;
  const auto stamp = word.extend(0, 10);
  for (std::uint32_t i = 0; i < 4; ++i) ASSERT_TRUE(word.take(stamp->epoch, stamp->first + i));
  EXPECT_EQ(word.revoke(), 6u);
  EXPECT_FALSE(word.take(stamp->epoch, stamp->first + 4));
  EXPECT_EQ(word.revoke(), 0u);
  const auto next = word.extend(0, 1);
  EXPECT_NE(next->epoch, stamp->epoch);
  EXPECT_TRUE(word.take(next->epoch, next->first));
}

TEST(ClaimWord, CountsWhatWasTakenOverEpochs) {
  ClaimWord word;
  for (int epoch = 0; epoch < 5; ++epoch) {
    const auto stamp = word.extend(0, 3);
    ASSERT_TRUE(word.take(stamp->epoch, stamp->first));
    ASSERT_TRUE(word.take(stamp->epoch, stamp->first + 1));
    EXPECT_EQ(word.revoke(), 1u);
  }
  EXPECT_EQ(word.taken(), 10u);
  word.reset_taken();
  EXPECT_EQ(word.taken(), 0u);
}

TEST(ClaimWord, TheEpochWrapsAround) {
  ClaimWord word;
  std::uint32_t revoked = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto stamp = word.extend(0, 2);
    ASSERT_EQ(stamp->epoch, i % 4096);
    ASSERT_TRUE(word.take(stamp->epoch, stamp->first));
    revoked += word.revoke();
  }
  EXPECT_EQ(revoked, 10'000u);
}

// A process that computes for long: what was sent to it meanwhile and taken back lies unread.
TEST(ClaimWord, AnOldStampIsNeverTakenForANewOneHoweverOftenUnitsAreTakenBack) {
  ClaimWord word;
  std::deque<ClaimStamp> unread;
  std::uint32_t handed = 0, back = 0, taken = 0;
  for (int i = 0; i < 10'000; ++i) {
    unread.push_back(*word.extend(0, 1));
    ++handed;
    back += word.revoke();
  }
  EXPECT_EQ(back, 4095u) << "then no more, as its epochs would come round";
  for (const auto& stamp : unread) taken += word.take(stamp.epoch, stamp.first) ? 1 : 0;
  EXPECT_EQ(taken + back, handed) << "each once";
  EXPECT_TRUE(word.extend(0, 1));
  EXPECT_EQ(word.revoke(), 1u) << "it has caught up";
}

TEST(ClaimWord, NumbersRunOutAndStartAgainWhenAllIsTaken) {
  ClaimWord word;
  const auto most = word.extend(0, kNumbers - 1);
  ASSERT_TRUE(most);
  EXPECT_FALSE(word.extend(0, 2)) << "only one number is left";
  EXPECT_TRUE(word.extend(0, 1));
  EXPECT_FALSE(word.extend(0, 1));
  EXPECT_EQ(word.revoke(), kNumbers);
  EXPECT_TRUE(word.extend(0, 1)) << "a new epoch has all numbers";
}

TEST(ClaimWord, AProcessThatKeepsUpNeverRunsOutOfNumbers) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "2^25 calls in one thread, which take a sanitizer minutes";
#endif
  ClaimWord word;
  const auto stamp = word.extend(0, kNumbers / 2 + 2);
  for (std::uint32_t i = 0; i < stamp->count; ++i)
    ASSERT_TRUE(word.take(stamp->epoch, stamp->first + i));
  const auto next = word.extend(0, kNumbers / 2 + 2);
  ASSERT_TRUE(next) << "all was taken: the numbers start again";
  EXPECT_NE(next->epoch, stamp->epoch);
  EXPECT_EQ(next->first, 0u);
  EXPECT_FALSE(word.take(stamp->epoch, 0));
  EXPECT_TRUE(word.take(next->epoch, 0));
}

// A worker hands out and takes back while the process takes: each unit ends on exactly one side.
TEST(ClaimWord, EachUnitIsTakenOrTakenBackExactlyOnce) {
  constexpr std::uint32_t kUnits = 400'000;
  ClaimWord word;
  struct Unit {
    ClaimStamp stamp;
    std::uint32_t number, id;
  };
  std::mutex mutex;
  std::deque<Unit> inbox;  // guarded by mutex
  bool over = false;       // guarded by mutex
  std::vector<std::uint8_t> taken(kUnits, 0), back(kUnits, 0);

  std::thread process([&] {
    while (true) {
      std::deque<Unit> units;
      {
        const std::lock_guard guard(mutex);
        if (inbox.empty() && over) return;
        units.swap(inbox);
      }
      for (const auto& unit : units) {
        if (word.take(unit.stamp.epoch, unit.number)) ++taken[unit.id];
      }
      if (units.empty()) std::this_thread::yield();
    }
  });

  // The worker's record of what it handed out, as a home keeps it: the last ones come back.
  std::deque<std::uint32_t> record;
  std::uint32_t booked = 0;  // taken(), as far as the record knows
  const auto settle = [&](std::uint32_t returned) {
    ASSERT_LE(returned, record.size());
    const auto gone = record.size() - returned;
    booked += static_cast<std::uint32_t>(gone);
    record.erase(record.begin(), record.begin() + static_cast<std::ptrdiff_t>(gone));
    for (const auto id : record) ++back[id];
    record.clear();
  };
  Dice dice(test_seed());
  for (std::uint32_t next = 0; next < kUnits;) {
    if (dice.chance(0.2)) {
      settle(word.revoke());
    } else {
      const auto count =
          std::min<std::uint32_t>(1 + static_cast<std::uint32_t>(dice.below(40)), kUnits - next);
      const auto stamp = word.extend(1, count);
      ASSERT_TRUE(stamp);
      const std::lock_guard guard(mutex);
      for (std::uint32_t i = 0; i < count; ++i, ++next) {
        inbox.push_back({*stamp, stamp->first + i, next});
        record.push_back(next);
      }
    }
  }
  settle(word.revoke());
  {
    const std::lock_guard guard(mutex);
    over = true;
  }
  process.join();
  std::uint32_t total = 0;
  for (std::uint32_t id = 0; id < kUnits; ++id) {
    ASSERT_EQ(taken[id] + back[id], 1) << "unit " << id;
    total += taken[id];
  }
  EXPECT_EQ(word.taken(), total);
  EXPECT_EQ(booked, total);
}

}  // namespace
}  // namespace mpx::detail
