#include "ending.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace mpx::runner {
namespace {

using namespace std::chrono_literals;
using Action = Ending::Action;

const Ending::Time kStart{};
constexpr Ending::Limits kLimits{{}, 10s, 1400ms, 1500ms};

TEST(Ending, SigtermAsksThenEndsThenKills) {
  Ending ending(kLimits, kStart);
  EXPECT_FALSE(ending.next());
  EXPECT_EQ(ending.on_signal(SIGTERM, kStart, true), Action::ask);
  EXPECT_EQ(ending.next(), kStart + 10s);
  EXPECT_EQ(ending.on_time(kStart + 9s, true), Action::none);
  EXPECT_EQ(ending.on_time(kStart + 10s, true), Action::end);
  EXPECT_TRUE(ending.grace_is_over());
  EXPECT_EQ(ending.on_time(kStart + 11'400ms, true), Action::kill);
  EXPECT_FALSE(ending.next());
  EXPECT_EQ(ending.signal(), SIGTERM);
  EXPECT_FALSE(ending.timed_out());
}

TEST(Ending, MoreSigtermsChangeNothing) {
  Ending ending(kLimits, kStart);
  ending.on_signal(SIGTERM, kStart, true);
  EXPECT_EQ(ending.on_signal(SIGTERM, kStart + 1s, true), Action::none);
  EXPECT_EQ(ending.next(), kStart + 10s);
  ending.on_time(kStart + 10s, true);
  EXPECT_EQ(ending.on_signal(SIGTERM, kStart + 10s, true), Action::none);
}

TEST(Ending, InterruptEndsAtOnceAndTheSecondKills) {
  Ending ending(kLimits, kStart);
  EXPECT_EQ(ending.on_signal(SIGINT, kStart, true), Action::end);
  EXPECT_EQ(ending.next(), kStart + 1400ms);
  EXPECT_EQ(ending.on_signal(SIGHUP, kStart, true), Action::none);
  EXPECT_EQ(ending.on_signal(SIGINT, kStart, true), Action::kill);
  EXPECT_EQ(ending.on_signal(SIGINT, kStart, true), Action::none);
  EXPECT_EQ(ending.signal(), SIGINT);
}

TEST(Ending, InterruptCutsTheGraceShort) {
  Ending ending(kLimits, kStart);
  ending.on_signal(SIGTERM, kStart, true);
  EXPECT_EQ(ending.on_signal(SIGINT, kStart + 1s, true), Action::end);
  EXPECT_FALSE(ending.grace_is_over());
  EXPECT_EQ(ending.signal(), SIGTERM);
}

TEST(Ending, WhatCannotStopByItselfIsEndedAtOnce) {
  EXPECT_EQ(Ending(kLimits, kStart).on_signal(SIGTERM, kStart, false), Action::end);
  EXPECT_EQ(Ending({{}, 0s, 1s, 1500ms}, kStart).on_signal(SIGTERM, kStart, true), Action::end);
}

TEST(Ending, TheTimeLimitAsksAsSigtermDoes) {
  Ending ending({5s, 10s, 1s, 1500ms}, kStart);
  EXPECT_EQ(ending.next(), kStart + 5s);
  EXPECT_EQ(ending.on_time(kStart + 5s, true), Action::ask);
  EXPECT_TRUE(ending.timed_out());
  EXPECT_EQ(ending.on_signal(SIGTERM, kStart + 6s, true), Action::none);
  EXPECT_FALSE(ending.signal());
  EXPECT_EQ(ending.on_time(kStart + 15s, true), Action::end);
  EXPECT_EQ(Ending({5s, 10s, 1s, 1500ms}, kStart).on_time(kStart + 5s, false), Action::end);
}

TEST(Ending, TheTimeLimitWithoutAGraceLeavesTimeForAReport) {
  Ending ending({5s, 0s, 1s, 1500ms}, kStart);
  EXPECT_EQ(ending.on_time(kStart + 5s, true), Action::report);
  EXPECT_TRUE(ending.timed_out());
  EXPECT_EQ(ending.on_signal(SIGTERM, kStart + 6s, true), Action::none);
  EXPECT_EQ(ending.on_time(kStart + 6s, true), Action::none);
  EXPECT_EQ(ending.on_time(kStart + 6'500ms, true), Action::end);
  EXPECT_FALSE(ending.grace_is_over());
  EXPECT_EQ(ending.on_time(kStart + 7'500ms, true), Action::kill);
  Ending interrupted({5s, 0s, 1s, 1500ms}, kStart);
  interrupted.on_time(kStart + 5s, true);
  EXPECT_EQ(interrupted.on_signal(SIGINT, kStart + 5s, true), Action::end);
}

TEST(Ending, HasNothingLeftToDoWhenTheJobIsOver) {
  Ending ending({5s, 10s, 1s, 1500ms}, kStart);
  ending.over();
  EXPECT_FALSE(ending.next());
  EXPECT_EQ(ending.on_time(kStart + 50s, true), Action::none);
}

}  // namespace
}  // namespace mpx::runner
