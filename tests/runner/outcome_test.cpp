#include "outcome.hpp"

#include <gmock/gmock.h>

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

TEST(Outcome, IsTheProgramsOwnStatus) {
  EXPECT_EQ(judge({.wait_status = exited(3)}).status, 3);
  EXPECT_EQ(judge({.wait_status = exited(0), .completion = {true, 3}}).status, 3);
  EXPECT_EQ(judge({.wait_status = exited(1), .completion = {true, 3}}).status, 3);
  EXPECT_EQ(judge({.wait_status = exited(0), .completion = {true, 0}}).status, 0);
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

TEST(Outcome, OfAJobThatWasEndedTellsWhy) {
  EXPECT_EQ(judge({.wait_status = exited(1), .signal = SIGINT}).status, 130);
  EXPECT_EQ(judge({.wait_status = exited(1), .timed_out = true}).status, 124);
}

}  // namespace
}  // namespace mpx::runner
