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
  for (const std::string list :
       {"", ",", "a,,b", "a,", ",a", ":4", "--a", " ", "a b", "a;b", "a\n"})
    EXPECT_THROW(static_cast<void>(parse_host_list(list)), Refusal) << list;
}

TEST(Hosts, AFileHasALineForEachAndMayHaveComments) {
  EXPECT_THAT(
      parse_hostfile("# nodes\na slots=4 max_slots=8\n\n b   # no number\nc\tslots = 2\n", "f"),
      ElementsAre(Host{"a", 4}, Host{"b", {}}, Host{"c", 2}));
  EXPECT_THAT(parse_hostfile("a cpu=2 cpu_max=4\nb count=3 count-max=3", "f"),
              ElementsAre(Host{"a", 2}, Host{"b", 3}));
}

TEST(Hosts, ABadLineIsNamedWithItsFile) {
  const auto refusal = [](const std::string& line) -> std::string {
    try {
      static_cast<void>(parse_hostfile("a slots=4\n\n" + line + "\n", "my/nodes"));
    } catch (const Refusal& refusal) {
      return refusal.what();
    }
    return "accepted";
  };
  EXPECT_EQ(refusal("a slots=many"), "my/nodes:3, host a: \"many\" is no number of slots");
  EXPECT_EQ(refusal("b slot=4"),
            "my/nodes:3, host b: \"slot=4\" is not known here; write b slots=4");
  EXPECT_EQ(refusal("node7:4"), "my/nodes:3: \"node7:4\" is no host's name; write node7 slots=4");
  for (const std::string line : {"me@a slots=4", "slots=4", "a slots=", "a 4", "a,b slots=2"})
    EXPECT_THAT(refusal(line), testing::StartsWith("my/nodes:3")) << line;
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
