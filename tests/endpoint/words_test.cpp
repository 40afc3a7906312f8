// What carries the operations on words between ranks must make no difference to those above.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>

#include "mpx/mpx.hpp"
#include "support/memory_job.hpp"

namespace mpx::detail {
namespace {

using testing::HasSubstr;

constexpr int kRanks = 4;

struct Carried {
  const char* by;
  std::vector<std::string> hosts;
};

/// A job whose ranks all reach all words; those of their node; only their own.
class CarriedWords : public testing::TestWithParam<Carried> {
 protected:
  MemoryJob job_{kRanks, NetworkFaults{.hold = 0.2, .shuffle = true, .seed = 5}, 64,
                 GetParam().hosts};
};

INSTANTIATE_TEST_SUITE_P(By, CarriedWords,
                         testing::Values(Carried{"window", {}},
                                         Carried{"hybrid", {"a", "a", "b", "b"}},
                                         Carried{"messages", {"a", "b", "c", "d"}}),
                         [](const auto& info) { return std::string(info.param.by); });

struct Wide {
  std::array<long, 5> copies{};
};

TEST_P(CarriedWords, AWriteBeforeUnlockIsSeenByTheNextHolder) {
  constexpr long kTurns = 100;
  job_.run([](int rank) {
    const Lock lock(named("lock"));
    const Value<long> small(named("small"));
    const Value<Wide> wide(named("wide"));
    for (long turn = 0; turn < kTurns; ++turn) {
      const std::scoped_lock guard(lock);
      auto copies = wide.load();
      const long seen = small.load();
      for (const long copy : copies.copies) ASSERT_EQ(copy, seen) << "on rank " << rank;
      copies.copies.fill(seen + 1);
      wide.store(copies);
      small.store(seen + 1);
    }
  });
  job_.as(3, [] { EXPECT_EQ(Value<long>(named("small")).load(), kRanks * kTurns); });
}

TEST_P(CarriedWords, AreAtomicFromAllRanks) {
  constexpr long kTurns = 100;
  job_.run([](int /*rank*/) {
    const Value<long> added(named("added")), swapped(named("swapped"));
    for (long turn = 0; turn < kTurns; ++turn) {
      added.fetch_add(3);
      long seen = swapped.load();
      while (!swapped.compare_exchange(seen, seen + 1)) {
      }
    }
  });
  job_.as(1, [] {
    EXPECT_EQ(Value<long>(named("added")).load(), 3 * kRanks * kTurns);
    EXPECT_EQ(Value<long>(named("swapped")).exchange(7), kRanks * kTurns);
    EXPECT_EQ(Value<long>(named("swapped")).load(), 7);
  });
}

/// Adds on all ranks.
template <class T>
void add_up(MemoryJob& job, const char* name, T by, T sum) {
  job.run([&](int /*rank*/) {
    const Value<T> value(named(name));
    for (int turn = 0; turn < 20; ++turn) static_cast<void>(value.fetch_add(by));
  });
  job.as(2, [&] {
    const Value<T> value(named(name));
    EXPECT_EQ(value.fetch_add(T{}), sum) << name;
    if (sizeof(T) > sizeof(std::uint64_t)) return;  // which may have padding
    T expected = sum;
    EXPECT_TRUE(value.compare_exchange(expected, T{})) << name << ": only its own bytes are set";
    EXPECT_EQ(value.load(), T{}) << name;
  });
}

TEST_P(CarriedWords, AddNumbersOfAllSizes) {
  add_up<std::int8_t>(job_, "int8", -3, static_cast<std::int8_t>(-3 * 20 * kRanks));
  add_up<std::uint16_t>(job_, "uint16", 40'000, static_cast<std::uint16_t>(40'000 * 20 * kRanks));
  add_up<int>(job_, "int", -7, -7 * 20 * kRanks);
  add_up<long>(job_, "long", -7, -7L * 20 * kRanks);
  add_up<float>(job_, "float", 0.5F, 0.5F * 20 * kRanks);
  add_up<double>(job_, "double", -0.25, -0.25 * 20 * kRanks);
  add_up<bool>(job_, "bool", true, true);
  add_up<long double>(job_, "long double", 0.5L, 0.5L * 20 * kRanks);
}

TEST_P(CarriedWords, ALockIsUnlockedOnlyOnce) {
  job_.as(2, [] { Lock(named("lock")).lock(); });
  job_.as(0, [] {
    const Lock lock(named("lock"));
    EXPECT_FALSE(lock.try_lock());
    EXPECT_FALSE(lock.try_lock_for(std::chrono::milliseconds(1)));
    lock.unlock();
    EXPECT_THROW(lock.unlock(), UsageError);
  });
}

TEST_P(CarriedWords, RunOutWithAnErrorAndComeBack) {
  job_.as(3, [] {
    std::vector<Lock> locks;
    std::string text;
    try {
      for (int i = 0; i <= 64; ++i) {
        locks.emplace_back();
        locks.back().lock();
      }
    } catch (const UsageError& error) {
      text = error.what();
    }
    EXPECT_EQ(locks.size(), 65U) << "the last has no word";
    EXPECT_THAT(text, HasSubstr("all 64 are in use; set MPX_WORDS_PER_RANK higher"));
  });
  EXPECT_TRUE(job_.settles([&] { return job_.words() == 0; }));
}

TEST_P(CarriedWords, ThatDoNotExistAreRefused) {
  job_.as(0, [] {
    const auto client = Client::current();
    for (const int home : {0, 1, 3}) {
      try {
        static_cast<void>(client->words().load({home, 64}));
        ADD_FAILURE() << "there is no word 64 on rank " << home;
      } catch (const UsageError& error) {
        EXPECT_THAT(error.what(), HasSubstr("no word 64 of rank " + std::to_string(home)));
      }
    }
    for (const int home : {-1, kRanks})
      EXPECT_THROW(static_cast<void>(client->words().load({home, 0})), UsageError);
  });
}

}  // namespace
}  // namespace mpx::detail
