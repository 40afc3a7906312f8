#include "capture.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>

#include "refusal.hpp"

namespace mpx::runner {
namespace {

using namespace std::chrono_literals;

Plan shell(const std::string& script) { return {{"sh", "-c", script}, {{"GIVEN", "here"}}}; }

TEST(Capture, KeepsBothStreamsAndTheStatus) {
  const auto captured = capture(shell("echo $GIVEN; echo there >&2; cat; exit 3"), 60s);
  EXPECT_EQ(captured.out, "here\n");
  EXPECT_EQ(captured.err, "there\n");
  EXPECT_EQ(WEXITSTATUS(captured.wait_status), 3);
  EXPECT_FALSE(captured.timed_out);
  EXPECT_FALSE(captured.fine());
}

TEST(Capture, KeepsAMegabyteOfManyAndGoesOnReading) {
  const auto captured = capture(shell("seq 1 400000; echo the end >&2"), 60s);
  EXPECT_TRUE(captured.fine());
  EXPECT_EQ(captured.out.size(), std::size_t{1} << 20);
  EXPECT_EQ(captured.err, "the end\n");
}

TEST(Capture, EndsWhatTakesTooLong) {
  const auto captured = capture(shell("echo begun; sleep 1000"), 1s);
  EXPECT_TRUE(captured.timed_out);
  EXPECT_FALSE(captured.fine());
}

TEST(Capture, EndsWhatHeedsNoSignalAndHoldsThePipes) {
  const auto captured =
      capture(shell("trap '' TERM; (trap '' TERM; sleep 1000) & sleep 1000"), 100ms);
  EXPECT_TRUE(captured.timed_out);
  EXPECT_EQ(WTERMSIG(captured.wait_status), SIGKILL);
}

TEST(Capture, DoesNotWaitForWhatTheCommandLeavesBehind) {
  const auto captured = capture(shell("sleep 1000 & echo done"), 600s);
  EXPECT_TRUE(captured.fine());
  EXPECT_EQ(captured.out, "done\n");
}

TEST(Capture, SaysThatThereIsNoSuchProgram) {
  const auto captured = capture({{"./no-such-program"}, {}}, 60s);
  EXPECT_EQ(WEXITSTATUS(captured.wait_status), not_executable);
}

TEST(Capture, IsEndedByASignal) {
  try {
    static_cast<void>(capture(shell("kill -INT $PPID; sleep 1000"), 600s));
    FAIL() << "not ended";
  } catch (const Refusal& refusal) {
    EXPECT_EQ(refusal.status(), signal_base + SIGINT);
  }
}

}  // namespace
}  // namespace mpx::runner
