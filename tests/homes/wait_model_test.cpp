// Every interleaving of two or three processes with short programs on the real home of a lock, with
// and without a condition, of a semaphore or of an event: no lost wake-up, no double grant, no
// deadlock, no permit created, no dead holder kept from the next.

#include "homes/wait_model.hpp"

#include <gtest/gtest.h>

#include "core/log.hpp"

namespace mpx::detail {
namespace {

using enum Step;
using Programs = std::vector<Program>;

/// Permits lost in half of all states are no news.
struct WaitModel : testing::Test {
  LogLevel before = log_threshold.exchange(LogLevel::off);
  ~WaitModel() override { log_threshold = before; }

  static void check_lock(const Programs& programs, std::size_t at_least) {
    std::string trouble;
    const auto states =
        explore(Model<LockHome>(LockHome(model_word, {0, 0}), 0, 1, programs), false, trouble);
    EXPECT_EQ(trouble, "");
    EXPECT_GE(states, at_least);
    RecordProperty("states", static_cast<int>(states));
  }
  static void check_event(const Programs& programs, std::size_t at_least) {
    std::string trouble;
    const auto states =
        explore(Model<EventHome>(EventHome(model_word, {0, 0}), 0, 0, programs), false, trouble);
    EXPECT_EQ(trouble, "");
    EXPECT_GE(states, at_least);
  }
  static void check_semaphore(std::uint64_t permits, bool bounded, bool owned,
                              const Programs& programs, std::size_t at_least) {
    const auto most = bounded ? permits : SemaphoreWord::kMost;
    std::string trouble;
    const auto states =
        explore(Model<SemaphoreHome>(SemaphoreHome(model_word, {0, 0}, ObjectId{0, 1, process(0)},
                                                   {most, std::uint8_t{owned}}),
                                     permits, most, programs),
                owned, trouble);
    EXPECT_EQ(trouble, "") << permits << " permits, bounded " << bounded << ", owned " << owned;
    EXPECT_GE(states, at_least);
  }
};

TEST_F(WaitModel, AnEventThatIsSetWakesAll) {
  check_event({{{take}}, {{take}}, {{give}}}, 100);
  check_event({{{take}}, {{take_timed, take}}, {{give, give}}}, 100);
  check_event({{{take}}, {{take_try, give, take}}, {{give}}}, 50);
  check_event({{{take}, true}, {{take}}, {{give}}}, 100);
  check_event({{{give}, true}, {{take}}, {{take_timed}}}, 50);
}

TEST_F(WaitModel, ALockIsHandedOnWhateverHappens) {
  check_lock({{{take, give}}, {{take, give}}, {{take, give}}}, 500);
  check_lock({{{take, give}}, {{take_timed, give}}, {{take_timed, give}}}, 500);
  check_lock({{{take, give, take, give}}, {{take_timed, give, take_try, give}}}, 100);
}

TEST_F(WaitModel, ALockSurvivesItsHoldersAndWaiters) {
  check_lock({{{take, give}, true}, {{take, give}, true}, {{take, give}}}, 500);
  check_lock({{{take, give}, true}, {{take_timed, give}}, {{take, give}}}, 500);
  check_lock({{{take, give, take, give}, true}, {{take_timed, give, take, give}}}, 300);
}

TEST_F(WaitModel, PermitsAreNeitherLostNorMade) {
  for (const bool bounded : {false, true}) {
    for (const std::uint64_t permits : {1U, 2U}) {
      check_semaphore(permits, bounded, false, {{{take, give}}, {{take, give}}, {{take, give}}},
                      500);
      check_semaphore(permits, bounded, false,
                      {{{take, give}}, {{take_timed, give}}, {{take_timed, give}}}, 500);
      check_semaphore(permits, bounded, false,
                      {{{take, take_try, give, give}}, {{take_timed, give, take, give}}}, 50);
    }
  }
}

TEST_F(WaitModel, PermitsOfTheDeadComeBackIfTheyAreOwned) {
  for (const bool owned : {false, true}) {
    for (const std::uint64_t permits : {1U, 2U}) {
      check_semaphore(permits, true, owned,
                      {{{take, give}, true}, {{take, give}, true}, {{take, give}}}, 500);
      check_semaphore(permits, false, owned,
                      {{{take, give}, true}, {{take_timed, give}}, {{take, give}}}, 500);
    }
  }
}

TEST_F(WaitModel, ANotificationReachesAWaiter) {
  check_lock({{{take, consume, give}}, {{take, produce, notify, give}}}, 50);
  check_lock({{{take, consume, give}}, {{take, consume, give}}, {{take, produce, notify, give}}},
             500);
  check_lock(
      {{{take, consume, give}}, {{take, consume_timed, give}}, {{take, produce, notify, give}}},
      500);
  check_lock({{{take, consume, give}},
              {{take, consume, give}},
              {{take, produce, produce, notify_all, give}}},
             500);
}

TEST_F(WaitModel, ANotificationDoesNotDieWithAWaiter) {
  check_lock(
      {{{take, consume, give}, true}, {{take, consume, give}}, {{take, produce, notify, give}}},
      500);
  check_lock({{{take, consume_timed, give}, true},
              {{take, consume, give}},
              {{take, produce, notify, give}, true}},
             500);
}

}  // namespace
}  // namespace mpx::detail
