#include "hosts.hpp"

#include <gmock/gmock.h>

#include "refusal.hpp"

namespace mpx::runner {
namespace {

using testing::ElementsAre;

TEST(Hosts, AListAddsUpWhatIsNamedTwice) {
  EXPECT_THAT(parse_host_list("a:4,b,b,a:1"), ElementsAre(Host{"a", 5}, Host{"b", 2}));
  EXPECT_THROW(static_cast<void>(parse_host_list("a:x")), Refusal);
  EXPECT_THROW(static_cast<void>(parse_host_list("a:0")), Refusal);
  EXPECT_THROW(static_cast<void>(parse_host_list("a,,b")), Refusal);
}

TEST(Hosts, AFileHasALineForEachAndMayHaveComments) {
  EXPECT_THAT(parse_hostfile("# nodes\na slots=4 max_slots=8\n\n b   # no number\nc\tslots = 2\n"),
              ElementsAre(Host{"a", 4}, Host{"b", {}}, Host{"c", 2}));
  EXPECT_THAT(parse_hostfile("a cpu=2 cpu_max=4\nb count=3 count-max=3"),
              ElementsAre(Host{"a", 2}, Host{"b", 3}));
  EXPECT_THROW(static_cast<void>(parse_hostfile("a slots=many")), Refusal);
  EXPECT_THROW(static_cast<void>(parse_hostfile("a slot=4")), Refusal);
  EXPECT_THROW(static_cast<void>(parse_hostfile("me@a slots=4")), Refusal);
}

TEST(Hosts, SharesAreInProportionAndAddUp) {
  EXPECT_THAT(share_out(6, {4, 2}), ElementsAre(4, 2));
  EXPECT_THAT(share_out(12, {4, 2}), ElementsAre(8, 4));
  EXPECT_THAT(share_out(4, {1, 1, 1}), ElementsAre(2, 1, 1));
  EXPECT_THAT(share_out(1, {1, 8}), ElementsAre(0, 1));
  EXPECT_THAT(share_out(5, {3, 3, 3}), ElementsAre(2, 2, 1));
  EXPECT_THAT(share_out(1'000'000, {1'000'000, 1'000'000}), ElementsAre(500'000, 500'000));
}

}  // namespace
}  // namespace mpx::runner
