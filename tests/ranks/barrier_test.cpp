// Barriers on ranks and in processes.

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <mpx/mpx.hpp>
#include <thread>

#include "ranks/sync_support.hpp"

namespace {

using namespace std::chrono_literals;

constexpr int kRounds = 1000;

void go_round(mpx::Barrier barrier, mpx::Array<int> rounds, mpx::Value<int> zeros, int party) {
  const auto me = static_cast<std::size_t>(party);
  for (int round = 1; round <= kRounds; ++round) {
    const bool looks = round % 10 == 0;  // who were a round ahead would stay so
    if (looks) rounds.store(me, round);
    const auto index = barrier.wait();
    need(index < rounds.size());
    if (index == 0) zeros.fetch_add(1);
    if (!looks) continue;
    std::vector<int> all(rounds.size());
    rounds.read(0, all);
    for (const int other : all) need(other == round);
  }
}

TEST(Barrier, AThousandRoundsNeverMix) {
  const mpx::Barrier barrier(3);
  const mpx::Array<int> rounds(3);
  const mpx::Value<int> zeros(0);
  std::vector<mpx::Process> processes;
  for (int party = 1; party < 3; ++party) {
    processes.emplace_back(go_round, barrier, rounds, zeros, party);
    processes.back().start();
  }
  EXPECT_NO_THROW(go_round(barrier, rounds, zeros, 0));
  for (const auto& process : processes) {
    process.join();
    EXPECT_EQ(process.exit_code(), 0);
  }
  EXPECT_EQ(zeros.load(), kRounds) << "one party in each round has index 0";
  EXPECT_EQ(barrier.waiting(), 0U);
  EXPECT_EQ(barrier.parties(), 3U);
}

void count_up(const mpx::Value<int>& count) { count.store(count.load() + 1); }

TEST(Barrier, ItsActionRunsOnceBeforeAnyGoesOn) {
  const mpx::Value<int> count(0);
  const mpx::Barrier barrier(3, mpx::bind_front(count_up, count));
  run_processes(
      3,
      [](mpx::Barrier all, mpx::Value<int> runs) {
        for (int round = 1; round <= 50; ++round) {
          all.wait();
          need(runs.load() == round);
        }
      },
      barrier, count);
  EXPECT_EQ(count.load(), 50);
}

/// Waits, and tells by its exit code how it ended.
void wait_in_process(mpx::Barrier barrier) {
  try {
    barrier.wait();
  } catch (const mpx::BrokenBarrier&) {
    mpx::exit(3);
  } catch (const std::runtime_error&) {
    mpx::exit(4);
  }
}

TEST(Barrier, ATimeOutBreaksItForAllUntilReset) {
  here_and_in_a_process([] {
    const mpx::Barrier barrier(3);
    mpx::Process process(wait_in_process, barrier);
    process.start();
    need_throw<mpx::BrokenBarrier>([&] { barrier.wait_for(5ms); });
    process.join();
    need(process.exit_code() == 3);
    need(barrier.broken());
    need_throw<mpx::BrokenBarrier>([&] { barrier.wait(); });
    barrier.reset();
    need(!barrier.broken() && barrier.waiting() == 0);
    need_throw<mpx::BrokenBarrier>([&] { barrier.wait_for(0s); });
  });
}

TEST(Barrier, AnActionThatThrowsBreaksIt) {
  const mpx::Barrier barrier(2, [] { throw std::runtime_error("the action"); });
  mpx::Process process(wait_in_process, barrier);
  process.start();
  bool acted = false;
  try {
    barrier.wait();
    ADD_FAILURE() << "it was not broken";
  } catch (const mpx::BrokenBarrier&) {
  } catch (const std::runtime_error& error) {
    acted = true;
    EXPECT_STREQ(error.what(), "the action");
  }
  process.join();
  EXPECT_EQ(process.exit_code(), acted ? 3 : 4) << "one has run it, the other one learns of it";
  EXPECT_TRUE(barrier.broken());
}

TEST(Barrier, ADeadPartyBreaksIt) {
  here_and_in_a_process([] {
    const mpx::Barrier barrier(3);
    mpx::Process waits(wait_in_process, barrier);
    waits.start();
    while (barrier.waiting() == 0) std::this_thread::yield();
    waits.kill();
    need_throw<mpx::BrokenBarrier>([&] { barrier.wait(); });
    waits.join();
    barrier.reset();
    mpx::Process never_came([](mpx::Barrier) { ::raise(SIGKILL); }, barrier);
    never_came.start();
    need_throw<mpx::BrokenBarrier>([&] { barrier.wait(); });
    never_came.join();
  });
}

/// Kills the process that it arrives in.
struct Deadly {
  int from = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& from;
    if (from != 0 && from != ::getpid()) ::raise(SIGKILL);
  }
};

TEST(Barrier, APartyThatDiesBeforeItHasItsArgumentsBreaksIt) {
  here_and_in_a_process([] {
    const mpx::Barrier barrier(2);
    mpx::Process process([](const Deadly&, const mpx::Barrier& all) { all.wait(); },
                         Deadly{::getpid()}, barrier);
    process.start();
    need_throw<mpx::BrokenBarrier>([&] { barrier.wait(); });
    process.join();
    need(process.exit_code() == -SIGKILL);
  });
}

TEST(Barrier, APartyKilledAfterAResetBreaksIt) {
  const mpx::Barrier barrier(2);
  mpx::Process process(
      [](const mpx::Barrier& all) {
        try {
          all.wait();
        } catch (const mpx::BrokenBarrier&) {
          std::this_thread::sleep_for(60s);
        }
      },
      barrier);
  process.start();
  while (barrier.waiting() == 0) std::this_thread::yield();
  barrier.abort();
  barrier.reset();
  process.kill();
  EXPECT_THROW(barrier.wait(), mpx::BrokenBarrier);
  process.join();
}

TEST(Barrier, APartyThatEndsWellBreaksNothing) {
  const mpx::Barrier barrier(2);
  for (int round = 0; round < 3; ++round) {
    mpx::Process process(wait_in_process, barrier);
    process.start();
    barrier.wait();
    process.join();
    EXPECT_EQ(process.exit_code(), 0);
  }
  EXPECT_FALSE(barrier.broken());
}

TEST(Barrier, AbortAndResetTurnAwayWhoWaits) {
  here_and_in_a_process([] {
    const mpx::Barrier barrier(2);
    for (const bool abort : {true, false}) {
      mpx::Process process(wait_in_process, barrier);
      process.start();
      while (barrier.waiting() == 0) std::this_thread::yield();
      abort ? barrier.abort() : barrier.reset();
      process.join();
      need(process.exit_code() == 3);
      barrier.reset();
    }
    mpx::Process process(wait_in_process, barrier);
    process.start();
    barrier.wait();
    process.join();
    need(process.exit_code() == 0);
    need_throw<mpx::UsageError>([] { mpx::Barrier(0); });
  });
}

}  // namespace
