#include "processes/process_slots.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>

namespace mpx::detail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

TEST(ProcessSlots, GiveTheLowestFreeOne) {
  ProcessSlots slots(4, 3);
  EXPECT_EQ(slots.take(), 0u);
  EXPECT_EQ(slots.take(), 1u);
  EXPECT_EQ(slots.take(), 2u);
  EXPECT_FALSE(slots.take());
  slots.give_back(2);
  slots.give_back(0);
  slots.give_back(std::nullopt);
  EXPECT_EQ(slots.take(), 0u);
  EXPECT_EQ(slots.take(), 2u);
  EXPECT_FALSE(slots.take());
}

TEST(ProcessSlots, TellAProcessItsNumberOnTheNode) {
  const ProcessSlots slots(4, 3);
  EXPECT_THAT(slots.options(1).env, ElementsAre(Pair("MPX_SLOT", "5")));
  EXPECT_THAT(slots.options(1).cpus, IsEmpty());
  EXPECT_THAT(slots.options(std::nullopt).env, IsEmpty());
}

TEST(ProcessSlots, BindAndLimitThreadsWhereTheyHaveCores) {
  ::unsetenv("OMP_NUM_THREADS");
  const ProcessSlots slots(0, 2, {{0, 1}, {2, 3}}, 2);
  EXPECT_THAT(slots.options(1).cpus, ElementsAre(2, 3));
  EXPECT_THAT(slots.options(1).env,
              ElementsAre(Pair("MPX_SLOT", "1"), Pair("OMP_NUM_THREADS", "2")));
  EXPECT_THAT(slots.options(std::nullopt).cpus, IsEmpty());
  EXPECT_THAT(slots.options(std::nullopt).env, ElementsAre(Pair("OMP_NUM_THREADS", "2")));
  ::setenv("OMP_NUM_THREADS", "7", 1);
  EXPECT_THAT(slots.options(1).env, ElementsAre(Pair("MPX_SLOT", "1")));
  ::unsetenv("OMP_NUM_THREADS");
}

RankCores rank(std::size_t slots, std::vector<int> cpus, std::size_t launcher_cpus = 8) {
  return {"host", slots, std::move(cpus), launcher_cpus};
}

TEST(Cores, AreDealtToTheRanksOfANodeWithoutOverlap) {
  const std::vector<int> all{0, 1, 2, 3, 4, 5, 6, 7};
  const auto dealt = deal_cores({rank(0, all), rank(1, all), rank(2, all)}, 2);
  EXPECT_THAT(dealt[0], IsEmpty());
  EXPECT_THAT(dealt[1], ElementsAre(ElementsAre(0, 1)));
  EXPECT_THAT(dealt[2], ElementsAre(ElementsAre(2, 3), ElementsAre(4, 5)));
}

TEST(Cores, OfRanksThatTheLauncherHasBoundAreTheirOwn) {
  const auto dealt = deal_cores({rank(2, {0, 1, 2}), rank(1, {2, 3})}, 1);
  EXPECT_THAT(dealt[0], ElementsAre(ElementsAre(0), ElementsAre(1)));
  EXPECT_THAT(dealt[1], ElementsAre(ElementsAre(2)));
}

TEST(Cores, AreNoneForSlotsThatAreTooMany) {
  const auto dealt = deal_cores({rank(3, {0, 1, 2}), rank(1, {0, 1, 2})}, 2);
  EXPECT_THAT(dealt[0], ElementsAre(ElementsAre(0, 1), IsEmpty(), IsEmpty()));
  EXPECT_THAT(dealt[1], ElementsAre(IsEmpty()));
}

TEST(Shortage, IsNamedWhereTheLauncherLeftFewerCoresThanSlots) {
  EXPECT_EQ(describe_shortage({rank(0, {0}), rank(2, {0, 1})}, 0), "");
  const auto text = describe_shortage({rank(0, {0}), rank(4, {0}), rank(4, {1}), rank(1, {2})}, 0);
  EXPECT_THAT(text, HasSubstr("rank 1 on host host has 4 process slots and may use 1 core: its "
                              "launcher has bound it"));
  EXPECT_THAT(text, HasSubstr("(so it is with 1 more ranks)"));
  // More slots than there are cores at all is a wish.
  EXPECT_EQ(describe_shortage({rank(0, {0}), rank(40, {0, 1}, 2)}, 0), "");
}

TEST(Shortage, IsNamedWhereSlotsWantCoresOfTheirOwn) {
  EXPECT_EQ(describe_shortage({rank(2, {0, 1, 2, 3}, 4)}, 2), "");
  EXPECT_THAT(describe_shortage({rank(3, {0, 1, 2, 3}, 4)}, 2),
              HasSubstr("has 3 process slots of 2 cores each and may use 4 cores: processes "
                        "beyond them are not bound"));
  EXPECT_EQ(describe_shortage({rank(3, {}, 4)}, 2), "");  // not known
}

TEST(Cpus, OfThisProcessAreAscending) {
  const auto cpus = usable_cpus();
  EXPECT_FALSE(cpus.empty());
  EXPECT_TRUE(std::is_sorted(cpus.begin(), cpus.end()));
}

}  // namespace
}  // namespace mpx::detail
