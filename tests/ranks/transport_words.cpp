#include <gmock/gmock.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "mpx/error.hpp"
#include "ranks/transport_support.hpp"
#include "transport/words.hpp"

namespace mpx::detail::ranks {
namespace {

/// The words by the carrier of MPX_WORDS: operations on those of the ranks that this one reaches,
/// which are all, or those of its node, or none but itself.
class WordsOfRanks : public RankTest {
 protected:
  static constexpr std::uint32_t kWords = 64;

  WordsOfRanks() {
    ::setenv("MPX_WORDS_PER_RANK", std::to_string(kWords).c_str(), 1);
    words_ = session().make_words();
    ::unsetenv("MPX_WORDS_PER_RANK");
  }

  Words& words() { return *words_; }

  /// The ranks that this one reaches, which reach it too.
  [[nodiscard]] std::vector<int> reached() const {
    std::vector<int> ranks;
    for (int home = 0; home < size(); ++home)
      if (words_->reaches(home)) ranks.push_back(home);
    return ranks;
  }

  /// `many`, or fewer where an operation on another node's word takes MPI some messages.
  [[nodiscard]] std::uint64_t turns(std::uint64_t many) {
    for (const int home : reached())
      if (!transport().same_node(home)) return many / 50;
    return many;
  }

  /// A word of each of these, all with the same initial value.
  std::vector<WordRef> one_of_each(std::uint64_t initial) {
    const auto mine = words().allocate(initial);
    EXPECT_TRUE(mine);
    const auto slots = session().all_gather(std::to_string(mine->slot));
    std::vector<WordRef> all;
    for (const int home : reached())
      all.push_back(
          {home, static_cast<std::uint32_t>(std::stoul(slots[static_cast<std::size_t>(home)]))});
    return all;
  }

 private:
  std::unique_ptr<Words> words_;
};

TEST_F(WordsOfRanks, AddAtomicallyFromAllRanks) {
  const auto adds = turns(20'000);
  const auto all = one_of_each(7);
  for (std::uint64_t i = 0; i < adds; ++i)
    for (const auto word : all) words().fetch_add(word, 3);
  session().barrier();
  for (const auto word : all) EXPECT_EQ(words().load(word), 7 + 3 * adds * reached().size());
  session().barrier();
}

TEST_F(WordsOfRanks, CompareAndExchangeAtomicallyFromAllRanks) {
  const auto increments = turns(5'000);
  const auto all = one_of_each(0);
  for (const auto word : all)
    for (std::uint64_t i = 0; i < increments; ++i) {
      std::uint64_t seen = words().load(word);
      for (;;) {
        const auto before = words().compare_exchange(word, seen, seen + 1);
        if (before == seen) break;
        seen = before;
        ::sched_yield();
      }
    }
  session().barrier();
  for (const auto word : all) EXPECT_EQ(words().load(word), increments * reached().size());
  session().barrier();
}

TEST_F(WordsOfRanks, SetBitsAndExchange) {
  const auto all = one_of_each(std::uint64_t{1} << 63);
  const auto word = all.front();
  words().fetch_add(word, std::uint64_t{1} << rank());
  session().barrier();
  std::uint64_t everyone = std::uint64_t{1} << 63;
  for (const int other : reached()) everyone |= std::uint64_t{1} << other;
  EXPECT_EQ(words().load(word), everyone);
  session().barrier();
  // A token that only one of them can take.
  const auto token = one_of_each(std::uint64_t{1} << 63).back();
  const auto taken = words().exchange(token, 0);
  EXPECT_TRUE(taken == 0 || taken == std::uint64_t{1} << 63);
  const auto takers = session().all_gather(taken != 0 ? "took it" : "");
  const auto among = reached();
  EXPECT_EQ(std::count_if(among.begin(), among.end(),
                          [&](int one) { return !takers[static_cast<std::size_t>(one)].empty(); }),
            1);
}

TEST_F(WordsOfRanks, AreThoseOfProcessesToo) {
  const auto all = one_of_each(1);
  const auto turns_here = turns(5000);
  const auto* const shared = words().shared();
  const bool in_memory =
      transport().same_node(all.front().home) && transport().same_node(all.back().home);
  ASSERT_EQ(shared != nullptr, in_memory) << words().carrier();
  session().barrier();
  std::optional<MappedWords> mapped;  // as a process has them
  if (shared != nullptr) mapped.emplace(*shared);
  for (const auto word : all) {
    for (std::uint64_t turn = 0; mapped && turn < turns_here; ++turn) {
      words().fetch_add(word, 1);
      perform({.word = word, .operation = WordRequest::Operation::add, .value = 2},
              *mapped->map().at(word));
    }
  }
  session().barrier();
  if (!mapped) return;
  for (const auto word : all) {
    EXPECT_EQ(words().load(word), 1 + 3 * turns_here * reached().size());
    EXPECT_EQ(perform({.word = word}, *mapped->map().at(word)), words().load(word));
  }
  EXPECT_EQ(mapped->map().at({rank(), kWords}), nullptr);
  session().barrier();
}

TEST_F(WordsOfRanks, RunOutAndAreUsedAgain) {
  ASSERT_EQ(words().capacity(), kWords);
  std::vector<WordRef> mine;
  for (std::uint64_t i = 0; i < kWords; ++i) {
    const auto word = words().allocate(i);
    ASSERT_TRUE(word);
    EXPECT_EQ(word->home, rank());
    mine.push_back(*word);
  }
  EXPECT_EQ(words().used(), kWords);
  EXPECT_FALSE(words().allocate(0));
  for (std::uint64_t i = 0; i < kWords; ++i) EXPECT_EQ(words().load(mine[i]), i);

  words().release(mine[5]);
  EXPECT_THROW(words().release(mine[5]), UsageError);
  EXPECT_EQ(words().used(), kWords - 1);
  const auto again = words().allocate(99);
  ASSERT_TRUE(again);
  EXPECT_EQ(words().load(*again), 99u);
  EXPECT_FALSE(words().allocate(0));
}

TEST_F(WordsOfRanks, AreOfTheCarrierThatIsAskedFor) {
  const char* asked = std::getenv("MPX_WORDS");
  const std::string name = asked != nullptr ? asked : "";
  EXPECT_THAT(words().carrier(), testing::StartsWith(name));
  EXPECT_TRUE(words().reaches(rank()));
  std::vector<int> node;
  for (int other = 0; other < size(); ++other)
    if (name == "messages" ? other == rank() : name == "window" || transport().same_node(other))
      node.push_back(other);
  EXPECT_EQ(reached(), node);
}

TEST_F(WordsOfRanks, OutOfReachAreRefused) {
  for (int home = -1; home <= size(); ++home) {
    if (words().reaches(home)) continue;
    EXPECT_THROW(static_cast<void>(words().load({home, 0})), UsageError);
  }
  EXPECT_THROW(static_cast<void>(words().load({rank(), kWords})), UsageError);
}

/// What make_words() throws with such a setting, on this rank if it is `mine`.
std::string error_with(const char* variable, const std::string& value, bool mine = true) {
  const char* before = std::getenv(variable);
  const std::optional<std::string> kept =
      before != nullptr ? std::optional<std::string>(before) : std::nullopt;
  if (mine) ::setenv(variable, value.c_str(), 1);
  std::string text = "nothing was thrown";
  try {
    static_cast<void>(session().make_words());
  } catch (const LaunchError& error) {
    text = error.what();
  }
  kept ? ::setenv(variable, kept->c_str(), 1) : ::unsetenv(variable);
  return text;
}

TEST_F(WordsOfRanks, BadSettingsAreRefusedByAllRanks) {
  EXPECT_THAT(error_with("MPX_WORDS_PER_RANK", "many"), testing::HasSubstr("'many'"));
  EXPECT_THAT(error_with("MPX_WORDS", "windows"), testing::HasSubstr("'windows'"));
  if (size() == 1) return;
  const bool last = rank() == size() - 1;
  const auto named = testing::HasSubstr("on rank " + std::to_string(size() - 1));
  EXPECT_THAT(error_with("MPX_WORDS", "other", last), named) << "on one rank alone";
  EXPECT_THAT(error_with("MPX_WORDS_PER_RANK", "77", last), named);
}

}  // namespace
}  // namespace mpx::detail::ranks
