#include "transport/local_words.hpp"

#include <gtest/gtest.h>

#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

TEST(LocalWords, ReturnWhatTheyWere) {
  LocalWords words(3, 100);
  const auto word = *words.allocate(5);
  EXPECT_EQ(word.home, 3);
  EXPECT_EQ(words.exchange(word, 6), 5u);
  EXPECT_EQ(words.fetch_add(word, 4), 6u);
  EXPECT_EQ(words.fetch_add(word, ~std::uint64_t{0}), 10u);
  EXPECT_EQ(words.compare_exchange(word, 3, 0), 9u);
  EXPECT_EQ(words.load(word), 9u);
  EXPECT_EQ(words.compare_exchange(word, 9, 0), 9u);
  EXPECT_EQ(words.load(word), 0u);
}

TEST(LocalWords, RunOutAndAreUsedAgain) {
  LocalWords words(0, 3);
  const auto first = *words.allocate(1);
  const auto second = *words.allocate(2);
  ASSERT_TRUE(words.allocate(3));
  EXPECT_FALSE(words.allocate(4));
  words.release(first);
  const auto again = *words.allocate(9);
  EXPECT_EQ(again.slot, first.slot);
  EXPECT_EQ(words.load(again), 9u);
  EXPECT_EQ(words.load(second), 2u);
}

TEST(LocalWords, ReachNoOthers) {
  LocalWords words(1, 4);
  EXPECT_TRUE(words.reaches(1));
  for (const int other : {-1, 0, 2}) {
    EXPECT_FALSE(words.reaches(other));
    EXPECT_THROW(words.load({other, 0}), UsageError);
  }
  EXPECT_THROW(words.load({1, 4}), UsageError);
}

}  // namespace
}  // namespace mpx::detail
