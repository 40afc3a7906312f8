#include "runtime/idle.hpp"

#include <gtest/gtest.h>

namespace mpx::detail {
namespace {

using namespace std::chrono_literals;
using Next = Idle::Next;
using Sleeper = Idle::Sleeper;
using Woken = Idle::Woken;

const Idle::Time kStart{100s};
const auto kNever = Deadline::never();

Idle::Setting setting(int cores = 4, int node_ranks = 1, bool all_ring = true,
                      bool far_words = false) {
  return {cores, node_ranks, all_ring, far_words};
}

struct IdleTest : testing::Test {
  Idle idle{setting()};

  /// Nothing is found so often that the clock decides.
  void look_in_vain(const Deadline& deadline = kNever) {
    for (std::uint32_t look = 1; look < Idle::kLooks; ++look) {
      ASSERT_EQ(idle.begin(), Next::look);
      ASSERT_EQ(idle.after_look(false, deadline), Next::leave) << "look " << look;
    }
    ASSERT_EQ(idle.begin(), Next::look);
    ASSERT_EQ(idle.after_look(false, deadline), Next::clock);
  }
  /// An event comes at that time.
  void event(Idle::Time when) {
    idle.note_look(true);
    static_cast<void>(idle.quiet(when, 0));
  }
  /// The driver goes to sleep and is woken.
  void driver_sleeps(Woken by, Idle::Time until = kStart) {
    static_cast<void>(idle.announces());
    static_cast<void>(idle.sleep(Sleeper::driver, until, {}));
    static_cast<void>(idle.woken(Sleeper::driver, by, until));
  }
  std::optional<Idle::Length> limit(const Idle::Bounds& bounds = {}, Sleeper who = Sleeper::driver,
                                    Idle::Time now = kStart) {
    return idle.sleep(who, now, bounds);
  }
};

TEST_F(IdleTest, WhoFindsSomethingLeavesWithoutALookAtTheClock) {
  for (int round = 0; round < 100; ++round) {
    ASSERT_EQ(idle.begin(), Next::look);
    ASSERT_EQ(idle.after_look(true, kNever), Next::leave);
  }
}

TEST_F(IdleTest, WhoOnlyTriesLeavesHoweverOftenItFindsNothing) {
  for (int round = 0; round < 100; ++round) {
    ASSERT_EQ(idle.begin(), Next::look);
    ASSERT_EQ(idle.after_look(false, Deadline::now()), Next::leave);
  }
}

TEST_F(IdleTest, OfFourLooksInVainOneReadsTheClock) {
  look_in_vain();
  look_in_vain();
}

TEST_F(IdleTest, SpinsForAsLongAsAnEventIsNotLongAgoAndSleepsThen) {
  event(kStart);
  look_in_vain();
  EXPECT_EQ(idle.at(kStart + Idle::kSpin - 1ns, kNever, 0), Next::spin);
  look_in_vain();
  EXPECT_EQ(idle.at(kStart + Idle::kSpin, kNever, 0), Next::sleep);
}

TEST_F(IdleTest, WhatIsFoundWhileItSpinsMakesItSpinOn) {
  event(kStart);
  look_in_vain();
  EXPECT_EQ(idle.at(kStart + 40us, kNever, 0), Next::spin);
  idle.note_look(true);
  look_in_vain();
  EXPECT_EQ(idle.at(kStart + 80us, kNever, 0), Next::spin) << "the event counts from this look on";
  look_in_vain();
  EXPECT_EQ(idle.at(kStart + 129us, kNever, 0), Next::spin);
  look_in_vain();
  EXPECT_EQ(idle.at(kStart + 130us, kNever, 0), Next::sleep);
}

TEST_F(IdleTest, GivesUpTheCoreAndSoonSleepsWhereRanksAndProcessesOutnumberCores) {
  idle = Idle(setting(4, 2));
  event(kStart);
  look_in_vain();
  EXPECT_EQ(idle.at(kStart + 49us, kNever, 2), Next::spin) << "four on four cores";
  look_in_vain();
  EXPECT_EQ(idle.at(kStart + 4us, kNever, 3), Next::yield);
  look_in_vain();
  EXPECT_EQ(idle.at(kStart + Idle::kSpinCrowded, kNever, 3), Next::sleep);
}

TEST_F(IdleTest, SpinsLongerWherePeersCannotRing) {
  idle = Idle(setting(4, 1, false));
  event(kStart);
  look_in_vain();
  EXPECT_EQ(idle.at(kStart + Idle::kSpinFar - 1ns, kNever, 0), Next::spin);
  look_in_vain();
  EXPECT_EQ(idle.at(kStart + Idle::kSpinFar, kNever, 0), Next::sleep);
  look_in_vain();
  EXPECT_EQ(idle.at(kStart + Idle::kSpinCrowded, kNever, 4), Next::sleep) << "with a core to spare";
}

TEST_F(IdleTest, LeavesAtItsDeadline) {
  const auto deadline = Deadline::at(kStart);
  look_in_vain(deadline);
  EXPECT_EQ(idle.at(kStart - 1ns, deadline, 0), Next::sleep);
  look_in_vain(deadline);
  EXPECT_EQ(idle.at(kStart, deadline, 0), Next::leave);
}

TEST_F(IdleTest, ASleepIsAnnouncedBeforeTheLastLookAndTakenBackByTheNext) {
  EXPECT_TRUE(idle.announces());
  EXPECT_FALSE(idle.announces()) << "the other sleeper finds it announced";
  EXPECT_TRUE(idle.wakes());
  EXPECT_FALSE(idle.wakes()) << "once";
  EXPECT_TRUE(idle.announces());
}

TEST_F(IdleTest, WhoLeavesTheRankUnattendedAnnouncesThatOnce) {
  EXPECT_TRUE(idle.announces_leave());
  EXPECT_FALSE(idle.announces_leave());
  EXPECT_FALSE(idle.announces()) << "nor does the background, which sleeps already";
}

TEST_F(IdleTest, WhereOthersWorkOnWordsEachSleepIsAnnouncedForItsLongerLook) {
  idle = Idle(setting(4, 1, false, true));
  EXPECT_TRUE(idle.announces());
  EXPECT_TRUE(idle.announces());
  EXPECT_FALSE(idle.announces_leave());
}

TEST_F(IdleTest, WithPeersThatRingASleepHasNoEnd) {
  event(kStart);
  EXPECT_EQ(limit(), std::nullopt);
  EXPECT_EQ(limit({}, Sleeper::background), std::nullopt);
}

TEST_F(IdleTest, ASleepLastsUntilTheDeadlineAtMost) {
  Idle::Bounds bounds;
  bounds.deadline = Deadline::at(kStart + 3s);
  EXPECT_EQ(limit(bounds), 3s);
  bounds.deadline = Deadline::at(kStart - 3s);
  EXPECT_EQ(limit(bounds), 0s);
  bounds.deadline = Deadline::now();
  EXPECT_EQ(limit(bounds), 0s);
}

TEST_F(IdleTest, ALargeTransferBoundsTheSleepOfWhoeverSleeps) {
  Idle::Bounds bounds;
  bounds.transfer = true;
  EXPECT_EQ(limit(bounds), Idle::kTransfer);
  EXPECT_EQ(limit(bounds, Sleeper::background), Idle::kTransfer);
  bounds.deadline = Deadline::at(kStart + 20us);
  EXPECT_EQ(limit(bounds), 20us);
}

TEST_F(IdleTest, WherePeersCannotRingASleepLastsAnEighthOfTheQuietTime) {
  idle = Idle(setting(4, 1, false));
  event(kStart);
  const auto after = [&](Idle::Length quiet) {
    return limit({}, Sleeper::driver, kStart + quiet).value_or(-1ns);
  };
  EXPECT_EQ(after(800us), 100us);
  EXPECT_EQ(after(4ms), 500us);
  EXPECT_EQ(after(8ms), Idle::kTimer);
  EXPECT_EQ(after(1s), Idle::kTimer);
  EXPECT_EQ(after(1s + 1ns), Idle::kTimerQuiet);
  idle.note_look(true);
  EXPECT_EQ(after(2s), 0ns) << "there was one since";
  EXPECT_EQ(after(2s + 800us), 100us);
}

TEST_F(IdleTest, TheDeadlockWatchBoundsTheDriversSleepAndThatOfAllWhileItAsks) {
  Idle::Bounds bounds;
  bounds.watch = kStart + 5s;
  EXPECT_EQ(limit(bounds), 5s);
  EXPECT_EQ(limit(bounds, Sleeper::background), std::nullopt);
  bounds.watching = true;
  EXPECT_EQ(limit(bounds, Sleeper::background), 5s);
  bounds.watch = kStart - 1s;
  EXPECT_EQ(limit(bounds), 1ms) << "what is overdue does not make it spin";
}

TEST_F(IdleTest, WhoIsRungDoesItAll) {
  for (const auto who : {Sleeper::driver, Sleeper::background}) {
    static_cast<void>(idle.announces());
    static_cast<void>(limit({}, who));
    EXPECT_TRUE(idle.woken(who, Woken::rung, kStart));
    EXPECT_TRUE(idle.wakes()) << "who rang has taken it back";
    EXPECT_FALSE(idle.quiet(kStart + 49us, 0)) << "a ring is an event";
    EXPECT_TRUE(idle.quiet(kStart + 50us, 0));
  }
}

TEST_F(IdleTest, ADriverThatWasRungLooksAndSpinsBeforeItSleepsAgain) {
  driver_sleeps(Woken::rung);
  EXPECT_TRUE(idle.wakes());
  look_in_vain();
  EXPECT_EQ(idle.at(kStart + 49us, kNever, 0), Next::spin);
}

TEST_F(IdleTest, WhoIsWokenByTheTimerAloneSleepsOnAnnounced) {
  idle = Idle(setting(4, 1, false));
  driver_sleeps(Woken::timer);
  for (int again = 0; again < 3; ++again) {
    EXPECT_EQ(idle.begin(), Next::clock);
    EXPECT_EQ(idle.at(kStart + 1ms, kNever, 0), Next::sleep);
    EXPECT_FALSE(idle.announces()) << "as it is";
    static_cast<void>(limit());  // behind the look of a sleep
    EXPECT_FALSE(idle.woken(Sleeper::driver, Woken::timer, kStart + 2ms));
  }
  EXPECT_TRUE(idle.wakes()) << "it stood all the time";
}

TEST_F(IdleTest, TheTimerAtTheDeadlineTakesTheAnnouncementBack) {
  driver_sleeps(Woken::timer);
  EXPECT_EQ(idle.begin(), Next::clock);
  EXPECT_EQ(idle.at(kStart, Deadline::at(kStart), 0), Next::look);
  EXPECT_TRUE(idle.wakes());
  EXPECT_EQ(idle.after_look(false, Deadline::at(kStart)), Next::clock) << "the first look decides";
  EXPECT_EQ(idle.at(kStart, Deadline::at(kStart), 0), Next::leave);
}

TEST_F(IdleTest, SomethingFoundAfterTheTimerMakesItLook) {
  driver_sleeps(Woken::timer);
  EXPECT_TRUE(idle.wakes()) << "by another thread, which found something";
  EXPECT_EQ(idle.begin(), Next::look);
}

TEST_F(IdleTest, AfterTheTimerOrASignalOneLookWillDo) {
  for (const auto by : {Woken::timer, Woken::signal}) {
    driver_sleeps(by);
    if (by == Woken::timer) {
      EXPECT_TRUE(idle.wakes());
    }
    EXPECT_EQ(idle.begin(), Next::look)
        << "a signal may have a meaning: it is no reason to sleep on";
    EXPECT_EQ(idle.after_look(false, kNever), Next::clock);
    EXPECT_EQ(idle.at(kStart + 1s, kNever, 0), Next::sleep);
  }
}

TEST_F(IdleTest, TheDriverIsWokenForWhatOthersDeliverOnlyWhileItSleeps) {
  EXPECT_FALSE(idle.driver_sleeps());
  static_cast<void>(limit({}, Sleeper::background));
  EXPECT_FALSE(idle.driver_sleeps());
  static_cast<void>(limit({}, Sleeper::driver));
  EXPECT_TRUE(idle.driver_sleeps());
  EXPECT_TRUE(idle.woken(Sleeper::background, Woken::rung, kStart)) << "nobody drives";
  EXPECT_TRUE(idle.driver_sleeps()) << "not the other";
  EXPECT_TRUE(idle.woken(Sleeper::driver, Woken::rung, kStart));
  EXPECT_FALSE(idle.driver_sleeps());
}

TEST_F(IdleTest, TheBackgroundLeavesAllToADriver) {
  static_cast<void>(idle.announces());
  idle.set_driven(true);
  for (const auto by : {Woken::rung, Woken::timer, Woken::signal}) {
    static_cast<void>(limit({}, Sleeper::background));
    EXPECT_FALSE(idle.woken(Sleeper::background, by, kStart));
  }
  EXPECT_TRUE(idle.quiet(kStart, 0)) << "it has noted no event";
  idle.set_driven(false);
  EXPECT_TRUE(idle.woken(Sleeper::background, Woken::rung, kStart));
}

TEST_F(IdleTest, TheBackgroundLooksOnUntilItHasBeenQuietForTheShortTime) {
  idle = Idle(setting(4, 1, false));
  event(kStart);
  EXPECT_FALSE(idle.quiet(kStart + 49us, 0));
  EXPECT_TRUE(idle.quiet(kStart + 50us, 0)) << "not for as long as a driver";
  EXPECT_TRUE(idle.quiet(kStart + 5us, 4)) << "with no core to spare";
}

}  // namespace
}  // namespace mpx::detail
