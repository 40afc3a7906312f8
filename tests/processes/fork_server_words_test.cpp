// Children work on the words that their rank shares with them.

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "mpx/error.hpp"
#include "processes/fork_server_support.hpp"
#include "transport/local_words.hpp"

namespace mpx::detail::testing {
namespace {

constexpr std::uint64_t kTurns = 100'000;

/// Adds to word 0 of rank 3, by adding and by exchanging; 1: it has no such word.
int add(const Birth& birth) {
  auto* const word = birth.words != nullptr ? birth.words->map().at({3, 0}) : nullptr;
  if (word == nullptr) return 1;
  for (std::uint64_t turn = 0; turn < kTurns; ++turn) {
    perform({{}, WordRequest::Operation::add, 1}, *word);
    std::uint64_t seen = perform({}, *word);
    while (true) {
      const auto was =
          perform({{}, WordRequest::Operation::compare_exchange, seen + 1, seen}, *word);
      if (was == seen) break;
      seen = was;
    }
  }
  return 0;
}

TEST(ForkServerWords, AreThoseOfTheRank) {
  LocalWords words(3, 10);
  const auto word = *words.allocate(5);
  Launcher rank(add);
  rank.forker.share(words.shared());
  std::vector<Channel> channels;
  for (std::uint64_t serial = 1; serial <= 3; ++serial) channels.push_back(rank.spawn(serial));
  for (std::uint64_t turn = 0; turn < kTurns; ++turn) words.fetch_add(word, 1);
  for (std::uint64_t serial = 1; serial <= 3; ++serial)
    EXPECT_EQ(rank.next(Type::exited, serial).status, 0);
  EXPECT_EQ(words.load(word), 5 + 7 * kTurns);
}

TEST(ForkServerWords, AreNotThereWithoutARankThatSharesThem) {
  Launcher rank(add);
  auto channel = rank.spawn(1);
  EXPECT_EQ(rank.next(Type::exited, 1).status, 1 << 8);
}

TEST(ForkServerWords, OfASessionAreReplacedByThoseOfTheNext) {
  Launcher rank(add);
  {
    LocalWords words(0, 10);
    rank.forker.share(words.shared());
    auto channel = rank.spawn(1);
    EXPECT_EQ(rank.next(Type::exited, 1).status, 1 << 8) << "they are of rank 0";
  }
  LocalWords words(3, 10);
  rank.forker.share(words.shared());
  auto channel = rank.spawn(2);
  EXPECT_EQ(rank.next(Type::exited, 2).status, 0);
  EXPECT_EQ(words.load({3, 0}), 2 * kTurns);
  rank.forker.share(nullptr);
  auto last = rank.spawn(3);
  EXPECT_EQ(rank.next(Type::exited, 3).status, 1 << 8) << "the next Session has none to share";
}

TEST(MappedWords, ThatDoNotFitTheirMemoryAreRefused) {
  LocalWords words(0, 10);
  auto layout = words.shared()->layout;
  layout.ranks.resize(100, 1);
  const SharedWords lie{UniqueFd(::dup(words.shared()->memory.get())), layout};
  EXPECT_THROW(MappedWords{lie}, TransportError);
}

TEST(WordMap, HasTheWordsOfItsRanksOnly) {
  std::vector<std::uint64_t> memory(64);
  WordLayout layout;
  layout.ranks = {4, 2};
  layout.capacity = 3;
  layout.stride = 256;
  const WordMap map(memory.data(), layout);
  EXPECT_EQ(map.at({4, 0}), &memory[0]);
  EXPECT_EQ(map.at({4, 2}), &memory[16]);
  EXPECT_EQ(map.at({2, 1}), &memory[32 + 8]);
  for (const WordRef none :
       {WordRef{4, 3}, WordRef{3, 0}, WordRef{5, 0}, WordRef{-1, 0}, WordRef{}})
    EXPECT_EQ(map.at(none), nullptr);
  EXPECT_EQ(WordMap().at({0, 0}), nullptr);
}

}  // namespace
}  // namespace mpx::detail::testing
