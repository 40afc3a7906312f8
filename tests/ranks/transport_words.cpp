#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "mpx/error.hpp"
#include "ranks/transport_support.hpp"
#include "transport/words.hpp"

namespace mpx::detail::ranks {
namespace {

class Windows : public RankTest {
 protected:
  static constexpr std::uint32_t kWords = 64;

  Windows() {
    ::setenv("MPX_WORDS_PER_RANK", std::to_string(kWords).c_str(), 1);
    words_ = session().make_words();
    ::unsetenv("MPX_WORDS_PER_RANK");
  }

  Words& words() { return *words_; }

  /// So often: between nodes an operation takes a thousand times as long.
  [[nodiscard]] std::uint64_t repeats(std::uint64_t on_one_node) {
    return transport().needs_timer() ? on_one_node / 100 : on_one_node;
  }

  /// A word of every rank, all with the same initial value.
  std::vector<WordRef> one_of_each(std::uint64_t initial) {
    const auto mine = words().allocate(initial);
    EXPECT_TRUE(mine);
    std::vector<WordRef> all;
    for (const auto& slot : session().all_gather(std::to_string(mine->slot)))
      all.push_back({static_cast<int>(all.size()), static_cast<std::uint32_t>(std::stoul(slot))});
    return all;
  }

 private:
  std::unique_ptr<Words> words_;
};

TEST_F(Windows, AddAtomicallyFromAllRanks) {
  const auto adds = repeats(20'000);
  const auto all = one_of_each(7);
  for (std::uint64_t i = 0; i < adds; ++i)
    for (const auto word : all) words().fetch_add(word, 3);
  session().barrier();
  for (const auto word : all)
    EXPECT_EQ(words().load(word), 7 + 3 * adds * static_cast<std::uint64_t>(size()));
  session().barrier();
}

TEST_F(Windows, CompareAndExchangeAtomicallyFromAllRanks) {
  const auto increments = repeats(5'000);
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
  for (const auto word : all)
    EXPECT_EQ(words().load(word), increments * static_cast<std::uint64_t>(size()));
  session().barrier();
}

TEST_F(Windows, SetBitsAndExchange) {
  const auto all = one_of_each(std::uint64_t{1} << 63);
  const auto word = all.front();
  words().fetch_add(word, std::uint64_t{1} << rank());
  session().barrier();
  const auto everyone = (std::uint64_t{1} << 63) | ((std::uint64_t{1} << size()) - 1);
  EXPECT_EQ(words().load(word), everyone);
  session().barrier();
  // A token that only one rank can take.
  const auto token = one_of_each(std::uint64_t{1} << 63).back();
  const auto taken = words().exchange(token, 0);
  EXPECT_TRUE(taken == 0 || taken == std::uint64_t{1} << 63);
  int holders = 0;
  for (const auto& text : session().all_gather(std::to_string(taken)))
    if (text != "0") ++holders;
  EXPECT_EQ(holders, 1);
}

TEST_F(Windows, RunOutAndAreUsedAgain) {
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

TEST_F(Windows, RefuseASizeThatIsNone) {
  ::setenv("MPX_WORDS_PER_RANK", "many", 1);
  EXPECT_THROW(static_cast<void>(session().make_words()), UsageError);
  ::unsetenv("MPX_WORDS_PER_RANK");
}

}  // namespace
}  // namespace mpx::detail::ranks
