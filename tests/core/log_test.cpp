#include "core/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "mpx/log.hpp"

namespace mpx::detail {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

/// What `action` writes to stderr. The text must fit into a pipe (64 KiB) unless it is read.
template <class Action>
std::string written_by(Action&& action) {
  testing::internal::CaptureStderr();
  action();
  return testing::internal::GetCapturedStderr();
}

class Log : public testing::Test {
 protected:
  void SetUp() override { log_threshold = LogLevel::debug; }
  void TearDown() override {
    log_threshold = LogLevel::unread;
    unsetenv("MPX_LOG");
  }
};

TEST_F(Log, LineSaysWhenHowBadWhoAndWhat) {
  set_log_identity(5, "node{5}", "worker-1");
  const auto line = written_by([] { log::info("hello\nthere"); });
  EXPECT_THAT(line, MatchesRegex("20..-..-..T..:..:..\\.......Z info rank 5 node.5. pid [0-9]+ "
                                 "worker-1: hello\\\\nthere\n"));
  EXPECT_THAT(line, HasSubstr("node{5} pid " + std::to_string(getpid()) + " worker-1"));
  set_log_identity(0, "h", "");
  EXPECT_THAT(written_by([] { log_debug("{} and {}", 1, "two"); }),
              MatchesRegex(".*Z debug rank 0 h pid [0-9]+: 1 and two\n"));
}

TEST_F(Log, OnlyLevelsThatAreOnAppear) {
  const auto count = [](LogLevel threshold) {
    log_threshold = threshold;
    const auto text = written_by([] {
      log::debug("x");
      log::info("x");
      log::warn("x");
      log::error("x");
    });
    return std::count(text.begin(), text.end(), '\n');
  };
  EXPECT_EQ(count(LogLevel::debug), 4);
  EXPECT_EQ(count(LogLevel::info), 3);
  EXPECT_EQ(count(LogLevel::warn), 2);
  EXPECT_EQ(count(LogLevel::error), 1);
  EXPECT_EQ(count(LogLevel::off), 0);
}

TEST_F(Log, EnvironmentSetsTheLevelAtTheFirstLine) {
  log_threshold = LogLevel::unread;
  setenv("MPX_LOG", "info", 1);
  EXPECT_EQ(written_by([] { log::debug("x"); }), "");
  EXPECT_EQ(log_threshold.load(), LogLevel::info);

  log_threshold = LogLevel::unread;
  unsetenv("MPX_LOG");
  EXPECT_EQ(written_by([] { log::info("x"); }), "");
  EXPECT_EQ(log_threshold.load(), LogLevel::warn);

  log_threshold = LogLevel::unread;
  setenv("MPX_LOG", "verbose", 1);
  EXPECT_THAT(written_by([] { log::info("x"); }), HasSubstr("MPX_LOG=verbose: not one of debug"));
  EXPECT_EQ(log_threshold.load(), LogLevel::warn);
}

TEST_F(Log, LinesOfManyProcessesDoNotMixAndNameTheirOwnPid) {
  constexpr int kProcesses = 4;
  constexpr int kLines = 300;
  set_log_identity(1, "h", "");
  std::vector<pid_t> children;
  const auto text = written_by([&] {
    for (int i = 0; i < kProcesses; ++i) {
      const pid_t child = fork();
      if (child == 0) {
        for (int line = 0; line < kLines; ++line) log::warn(std::string(200, 'x'));
        _exit(0);
      }
      children.push_back(child);
    }
    for (const pid_t child : children) waitpid(child, nullptr, 0);
  });
  std::istringstream lines(text);
  std::vector<int> seen(kProcesses);
  for (std::string line; std::getline(lines, line);) {
    const auto who = std::find_if(children.begin(), children.end(), [&](pid_t child) {
      return line.ends_with("warn rank 1 h pid " + std::to_string(child) + ": " +
                            std::string(200, 'x'));
    });
    ASSERT_NE(who, children.end()) << line;
    ++seen[static_cast<std::size_t>(who - children.begin())];
  }
  EXPECT_EQ(seen, std::vector<int>(kProcesses, kLines));
}

}  // namespace
}  // namespace mpx::detail
