#include "outcome.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>

namespace mpx::runner {
namespace {

using testing::HasSubstr;

int exited(int status) { return status << 8; }

TEST(Completion, ReadsWholeLinesOnly) {
  EXPECT_FALSE(parse_completion("").started);
  EXPECT_TRUE(parse_completion("started\n").started);
  EXPECT_FALSE(parse_completion("started\n").status);
  EXPECT_EQ(parse_completion("started\nstatus 7\n").status, 7);
  EXPECT_FALSE(parse_completion("started\nstatus 7").status);
}

TEST(Completion, KeepsTheLastReportOfWhatIsUnfinished) {
  EXPECT_EQ(parse_completion("started\nreport\nunfinished a\nreport\nunfinished b\nunfinished  c\n")
                .unfinished,
            "b\n c\n");
  EXPECT_EQ(parse_completion("started\n").unfinished, "");
}

TEST(Outcome, IsTheProgramsOwnStatus) {
  EXPECT_EQ(judge({.wait_status = exited(3)}).status, 3);
  EXPECT_EQ(judge({.wait_status = exited(0), .completion = {true, 3}}).status, 3);
  EXPECT_EQ(judge({.wait_status = exited(1), .completion = {true, 3}}).status, 3);
  EXPECT_EQ(judge({.wait_status = exited(0), .completion = {true, 0}}).status, 0);
}

TEST(Outcome, IsWhatMainReturnedWhereMpirunWasGivenAZero) {
  const auto completion = parse_completion("launcher 5\nstarted\nstatus 3\nexit 4\n");
  EXPECT_EQ(judge({.wait_status = exited(0), .completion = completion}).status, 4);
  EXPECT_EQ(judge({.wait_status = exited(139), .completion = completion}).status, 3);
}

TEST(Outcome, IsThatOfAShellIfANodeCannotExecuteTheProgram) {
  const auto outcome = judge({.wait_status = exited(131), .cannot_execute = true});
  EXPECT_EQ(outcome.status, 126);
  EXPECT_EQ(outcome.message, "");
}

TEST(Outcome, IsNoSuccessIfOutputIsLost) {
  EXPECT_EQ(judge({.wait_status = exited(0), .output_is_lost = true}).status, 1);
  EXPECT_EQ(judge({.wait_status = exited(3), .output_is_lost = true}).status, 3);
}

TEST(Outcome, IsAFailureIfOneFollowsTheBodysEnd) {
  EXPECT_EQ(judge({.wait_status = exited(139), .completion = {true, 0}}).status, 139);
}

TEST(Outcome, IsAFailureIfAStartedProgramDidNotComplete) {
  const auto outcome = judge({.wait_status = exited(0), .completion = {true, {}}});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.message, HasSubstr("did not come to its end"));
  EXPECT_EQ(judge({.wait_status = exited(205), .completion = {true, {}}}).status, 205);
}

TEST(Outcome, NamesTheSignalThatKilledMpirun) {
  const auto outcome = judge({.wait_status = SIGKILL});
  EXPECT_EQ(outcome.status, 128 + SIGKILL);
  EXPECT_THAT(outcome.message, HasSubstr("signal 9"));
}

TEST(Outcome, NamesTheSignalThatKilledARank) {
  const auto outcome = judge({.wait_status = exited(128 + SIGSEGV), .completion = {true, {}}});
  EXPECT_EQ(outcome.status, 128 + SIGSEGV);
  EXPECT_THAT(outcome.message, HasSubstr("killed by signal 11 (Segmentation fault)"));
}

TEST(Outcome, NamesTheNodeThatWasLost) {
  for (const int status : {0, 1, 205, 255}) {
    const auto outcome =
        judge({.wait_status = exited(status), .completion = {true, {}}, .lost_node = "node3"});
    EXPECT_EQ(outcome.status, std::max(status, 1));
    EXPECT_THAT(outcome.message, HasSubstr("node node3 was lost")) << status;
  }
  const auto unnamed =
      judge({.wait_status = exited(255), .completion = {true, {}}, .nodes = {"node1", "node2"}});
  EXPECT_EQ(unnamed.status, 255);
  EXPECT_THAT(unnamed.message, HasSubstr("a node (node1, node2) or the connection to it was lost"));
  // Without a mark it may be anything: mpirun's own words must do.
  EXPECT_EQ(judge({.wait_status = exited(255), .nodes = {"a", "b"}}).message, "");
}

TEST(Outcome, IsTheProgramsOwnIfItStoppedWhenAsked) {
  EXPECT_EQ(judge({.wait_status = exited(0), .signal = SIGTERM, .completion = {true, 0}}).status,
            0);
  EXPECT_EQ(judge({.wait_status = exited(3), .signal = SIGTERM, .completion = {true, 3}}).status,
            3);
  EXPECT_EQ(judge({.signal = SIGTERM, .completion = {true, {}}}).status, 143);
  EXPECT_EQ(judge({.signal = SIGINT, .completion = {true, 0}}).status, 130);
  EXPECT_EQ(judge({.timed_out = true, .completion = {true, 0}}).status, 124);
}

TEST(Outcome, OfAJobThatWasEndedTellsWhy) {
  EXPECT_EQ(judge({.wait_status = exited(1), .signal = SIGINT}).status, 130);
  EXPECT_EQ(judge({.wait_status = exited(1), .timed_out = true}).status, 124);
}

}  // namespace
}  // namespace mpx::runner
