#include "layout.hpp"

#include <gmock/gmock.h>

#include "refusal.hpp"

namespace mpx::runner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::vector<Host> kThree = {{"a", 8}, {"b", 4}, {"c", 4}};

Layout on(const Options& options, const std::vector<Host>& hosts, bool cpus = true) {
  return lay_out(options, {hosts, cpus}, 6, "here");
}

TEST(Layout, IsOneWorkerRankANodeWithAllItsCpus) {
  const auto layout = on({}, kThree);
  EXPECT_THAT(layout.nodes, ElementsAre(Host{"a", 2}, Host{"b", 1}, Host{"c", 1}));
  EXPECT_THAT(layout.slots, ElementsAre(8, 4, 4));
  EXPECT_EQ(layout.ranks(), 4);
}

TEST(Layout, OnThisMachineAloneNamesNoNode) {
  EXPECT_THAT(on({}, {}).nodes, IsEmpty());
  EXPECT_THAT(on({}, {}).slots, ElementsAre(6));
  EXPECT_THAT(on({.ranks_per_node = 4}, {}).slots, ElementsAre(2, 2, 1, 1));
  EXPECT_THAT(on({.workers = 40}, {}).slots, ElementsAre(40));
  EXPECT_THAT(on({.cpus_per_slot = 4}, {}).slots, ElementsAre(1));
}

TEST(Layout, SeveralRanksANodeShareItsSlots) {
  const auto layout = on({.ranks_per_node = 3}, kThree);
  EXPECT_THAT(layout.nodes, ElementsAre(Host{"a", 4}, Host{"b", 3}, Host{"c", 3}));
  EXPECT_THAT(layout.slots, ElementsAre(3, 3, 2, 2, 1, 1, 2, 1, 1));
  // No rank is without a slot.
  EXPECT_THAT(on({.workers = 4, .ranks_per_node = 3}, kThree).slots, ElementsAre(1, 1, 1, 1));
}

TEST(Layout, AsManyRanksOfTheSlotsGivenAsFit) {
  EXPECT_THAT(on({.slots_per_rank = 4}, kThree).slots, ElementsAre(4, 4, 4, 4));
  EXPECT_THAT(on({.slots_per_rank = 3}, kThree).slots, ElementsAre(3, 3, 3, 3));
  EXPECT_THAT(on({.slots_per_rank = 16}, kThree).slots, ElementsAre(16, 16, 16));
  EXPECT_THAT(on({.ranks_per_node = 1, .slots_per_rank = 2}, kThree).slots, ElementsAre(2, 2, 2));
}

TEST(Layout, CpusAreSharedOutAsSlotsOfSeveralCores) {
  EXPECT_THAT(on({.cpus_per_slot = 3}, kThree).slots, ElementsAre(2, 1, 1));
  EXPECT_THAT(on({.cpus_per_slot = 16}, kThree).slots, ElementsAre(1, 1, 1));
  EXPECT_THAT(on({.cpus_per_slot = 3}, kThree, false).slots, ElementsAre(8, 4, 4));
}

TEST(Layout, NodesAreTheFirstOnes) {
  EXPECT_THAT(on({.nodes = 2}, kThree).slots, ElementsAre(8, 4));
  EXPECT_THAT(on({.nodes = 1}, {}).slots, ElementsAre(6));
  for (const auto& hosts : {kThree, {}}) {
    try {
      on({.nodes = 4}, hosts);
      ADD_FAILURE() << "accepted";
    } catch (const Refusal& refusal) {
      EXPECT_THAT(refusal.what(),
                  HasSubstr(hosts.empty() ? "is only 1 node;" : "are only 3 nodes"));
    }
  }
}

TEST(Layout, HostsWithoutNumberNeedOneFromTheOptions) {
  const std::vector<Host> hosts = {{"here", {}}, {"b", {}}};
  EXPECT_THROW(on({}, hosts), Refusal);
  EXPECT_THAT(on({.workers = 4}, hosts).slots, ElementsAre(2, 2));
  EXPECT_THAT(on({.ranks_per_node = 2, .slots_per_rank = 3}, hosts).slots, ElementsAre(3, 3, 3, 3));
}

}  // namespace
}  // namespace mpx::runner
