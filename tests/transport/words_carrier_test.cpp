#include "transport/words_carrier.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

template <class Action>
std::string launch_error(Action action) {
  try {
    static_cast<void>(action());
  } catch (const LaunchError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(WordsCarrier, IsSharedMemoryOnOneNode) {
  const CarrierFacts facts{.own_mpi = true};
  EXPECT_EQ(choose_carrier(facts), Carrier::window);
  EXPECT_EQ(describe_carrier(Carrier::window, facts), "window: shared memory (1 node)");
}

TEST(WordsCarrier, IsHybridOnSeveralNodesWithoutInfiniBand) {
  const CarrierFacts facts{.nodes = 3, .own_mpi = true};
  EXPECT_EQ(choose_carrier(facts), Carrier::hybrid);
  EXPECT_EQ(describe_carrier(Carrier::hybrid, facts),
            "hybrid: node windows + messages (3 nodes, no InfiniBand)");
}

TEST(WordsCarrier, IsAWindowOnlyWhereHardwareDoesItsAtomics) {
  CarrierFacts facts{.nodes = 2, .own_mpi = true, .infiniband = true, .atomics = true};
  EXPECT_EQ(choose_carrier(facts), Carrier::window);
  EXPECT_EQ(describe_carrier(Carrier::window, facts),
            "window: MPI one-sided (2 nodes, InfiniBand)");
  facts.window_failed = true;
  EXPECT_EQ(choose_carrier(facts), Carrier::hybrid);
  EXPECT_THAT(describe_carrier(Carrier::hybrid, facts), HasSubstr("could not make a window"));
  facts.atomics = false;
  EXPECT_EQ(choose_carrier(facts), Carrier::hybrid);
  EXPECT_THAT(describe_carrier(Carrier::hybrid, facts), HasSubstr("no osc/ucx"));
}

TEST(WordsCarrier, TriesNoWindowBetweenNodesInAHostProgram) {
  const CarrierFacts facts{.nodes = 2, .own_mpi = false, .infiniband = true, .atomics = true};
  EXPECT_EQ(choose_carrier(facts), Carrier::hybrid);
  EXPECT_THAT(describe_carrier(Carrier::hybrid, facts), HasSubstr("host program"));
}

TEST(WordsCarrier, IsWhatTheUserForces) {
  for (const auto* name : {"window", "hybrid", "messages"}) {
    for (const int nodes : {1, 2}) {
      const CarrierFacts facts{.forced = parse_carrier(name), .nodes = nodes};
      EXPECT_EQ(choose_carrier(facts), facts.forced);
      EXPECT_THAT(describe_carrier(choose_carrier(facts), facts),
                  AllOf(testing::StartsWith(name), HasSubstr(", MPX_WORDS)")));
    }
  }
  EXPECT_EQ(parse_carrier(""), std::nullopt);
  EXPECT_THAT(launch_error([] { return parse_carrier("windows"); }),
              AllOf(HasSubstr("'windows'"), HasSubstr("window, hybrid or messages")));
}

TEST(WordsCarrier, RanksThatDisagreeAreNamed) {
  const std::vector<std::string> hosts{"a", "a", "b", "c"};
  EXPECT_EQ(agreed_value("MPX_WORDS", {"x", "x", "x", "x"}, hosts), "x");
  const auto text = launch_error([&] {
    return agreed_value("MPX_WORDS", {"x", "x", "", "y"}, hosts);
  });
  EXPECT_THAT(text, HasSubstr("'x' on rank 0 (host a), not set on rank 2 (host b), 'y' on rank 3"));
  EXPECT_THAT(text, HasSubstr("mpirun -x MPX_WORDS"));
  EXPECT_THAT(text, Not(HasSubstr("rank 1")));
  const auto many = launch_error([&] {
    std::vector<std::string> values(100);
    values[0] = "window";
    return agreed_value("MPX_WORDS", values, std::vector<std::string>(100, "node"));
  });
  EXPECT_THAT(many, AllOf(HasSubstr("rank 4 "), Not(HasSubstr("rank 5 ")), HasSubstr("95 more")));
}

TEST(WordsCarrier, NumbersOfWordsAreChecked) {
  EXPECT_EQ(parse_words_per_rank(""), 65536u);
  EXPECT_EQ(parse_words_per_rank("1"), 1u);
  for (const auto* text : {"0", "-1", "many", "12x", " 3", "1073741825", "99999999999999999999"}) {
    EXPECT_THAT(launch_error([&] { return parse_words_per_rank(text); }),
                HasSubstr("'" + std::string(text) + "'"));
  }
}

}  // namespace
}  // namespace mpx::detail
