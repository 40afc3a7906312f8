#include "homes/barrier_home.hpp"

#include <gtest/gtest.h>

#include <map>

#include "support/homes.hpp"

namespace mpx::detail {
namespace {

struct BarrierHomeTest : testing::Test {
  Collected out;
  const ProcessId a = process(1), b = process(2), c = process(3);

  static BarrierHome plain(std::uint64_t parties) { return {0, parties, std::nullopt}; }
  static BarrierHome acting(std::uint64_t parties) { return {0, parties, text_payload("act")}; }
  void wait(BarrierHome& home, ProcessId who, std::uint64_t call) {
    home.on(request(Kind::barrier_wait, who, call), {}, out);
  }
  void done(BarrierHome& home, ProcessId who, std::uint64_t call, std::uint64_t round,
            const std::string& trouble = {}) {
    home.on(request(Kind::barrier_done, who, call), {Packer::pack(round, trouble), {}}, out);
  }
  /// Index and round of the good answer to a call; {99, 99} if it is none.
  std::pair<std::uint64_t, std::uint64_t> index(ProcessId who) {
    const auto frame = out.pop(Kind::reply, who);
    if (!frame || frame->header.status != 0) return {99, 99};
    Unpacker in(frame->body);
    const auto number = in.get<std::uint64_t>();
    return {number, in.get<std::uint64_t>()};
  }
  using Pair = std::pair<std::uint64_t, std::uint64_t>;
};

TEST_F(BarrierHomeTest, TheLastLetsAllGoWithNumbersOfTheirOwn) {
  auto home = plain(3);
  wait(home, a, 1);
  wait(home, b, 2);
  EXPECT_TRUE(out.frames.empty());
  wait(home, c, 3);
  EXPECT_EQ(index(c), Pair(0, 0));
  EXPECT_EQ(index(a), Pair(1, 0));
  EXPECT_EQ(index(b), Pair(2, 0));
  EXPECT_TRUE(home.waiting().empty());
}

TEST_F(BarrierHomeTest, AnActionComesBeforeAllGo) {
  auto home = acting(2);
  wait(home, a, 1);
  wait(home, b, 2);
  EXPECT_EQ(index(b), Pair(0, 1)) << "it is to act, in round 1";
  EXPECT_EQ(out.answer(a, 1), std::nullopt);
  wait(home, c, 3);  // for the next round
  done(home, b, 4, 1);
  EXPECT_EQ(out.answer(b, 4), Status::ok);
  EXPECT_EQ(index(a), Pair(1, 0));
  EXPECT_EQ(out.answer(c, 3), std::nullopt);
  wait(home, a, 5);
  EXPECT_EQ(index(a), Pair(0, 2));
}

TEST_F(BarrierHomeTest, AnActionThatFailsBreaksIt) {
  auto home = acting(2);
  wait(home, a, 1);
  wait(home, b, 2);
  out.take();
  done(home, b, 3, 1, "trouble");
  EXPECT_EQ(out.answer(b, 3), Status::ok) << "it throws what its action has thrown";
  EXPECT_EQ(out.answer(a, 1), Status::no);
  EXPECT_TRUE(home.broken());
}

TEST_F(BarrierHomeTest, ATimeOutBreaksItAlsoWhileTheActionRuns) {
  auto home = acting(2);
  wait(home, a, 1);
  wait(home, b, 2);
  out.take();
  home.on_cancel(a, 1, out);
  EXPECT_EQ(out.answer(a, 1), Status::no);
  done(home, b, 3, 1);
  EXPECT_EQ(out.answer(b, 3), Status::no);
  wait(home, c, 4);
  EXPECT_EQ(out.answer(c, 4), Status::no);
}

TEST_F(BarrierHomeTest, ACancelThatComesLateBreaksNothing) {
  auto home = plain(2);
  wait(home, a, 1);
  wait(home, b, 2);
  out.take();
  home.on_cancel(a, 1, out);
  EXPECT_TRUE(out.frames.empty());
  EXPECT_FALSE(home.broken());
}

TEST_F(BarrierHomeTest, TheDeathOfAPartyBreaksIt) {
  auto home = plain(3);
  wait(home, a, 1);
  wait(home, b, 2);
  home.on_ended(a, facts_of(a, 0), out);
  EXPECT_EQ(out.answer(b, 2), Status::no);
  home.on(request(Kind::barrier_reset, c, 3), {}, out);
  EXPECT_FALSE(home.broken());
  home.on_holder_ended(b, facts_of(b, 1), out);
  EXPECT_FALSE(home.broken()) << "it was told of the first time, and threw for that";
  home.on_holder_ended(c, facts_of(c, 0), out);
  EXPECT_FALSE(home.broken()) << "it ended well";
  home.on_holder_ended(c, facts_of(c, -9), out);
  EXPECT_TRUE(home.broken());
}

TEST_F(BarrierHomeTest, AKilledPartyBreaksItThoughItWasToldOfTheRoundBefore) {
  auto home = plain(2);
  wait(home, a, 1);
  home.on(request(Kind::barrier_abort, c, 2), {}, out);
  EXPECT_EQ(out.answer(a, 1), Status::no);
  home.on(request(Kind::barrier_reset, c, 3), {}, out);
  EXPECT_FALSE(home.broken());
  home.on_holder_ended(a, facts_of(a, -9), out);
  EXPECT_TRUE(home.broken()) << "the round can never be full";
}

TEST_F(BarrierHomeTest, TheDeathOfTheActorBreaksIt) {
  auto home = acting(2);
  wait(home, a, 1);
  wait(home, b, 2);
  home.on_ended(b, facts_of(b, -9), out);
  EXPECT_EQ(out.answer(a, 1), Status::no);
}

TEST_F(BarrierHomeTest, ResetMakesAnOldActorsNewsWorthless) {
  auto home = acting(2);
  wait(home, a, 1);
  wait(home, b, 2);
  out.take();
  home.on(request(Kind::barrier_reset, c, 3), {}, out);
  EXPECT_EQ(out.answer(a, 1), Status::no);
  EXPECT_EQ(out.answer(c, 3), Status::ok);
  wait(home, a, 4);
  wait(home, c, 5);
  EXPECT_EQ(index(c), Pair(0, 2));
  done(home, b, 6, 1);
  EXPECT_EQ(out.answer(b, 6), Status::no);
  EXPECT_EQ(out.answer(a, 4), std::nullopt);
  done(home, c, 7, 2);
  EXPECT_EQ(out.answer(a, 4), Status::ok);
}

TEST_F(BarrierHomeTest, GivesTheHandlesOfItsActionBack) {
  BarrierHome home(0, 1, text_payload("act", {ObjectId{0, 5, a}}));
  wait(home, b, 1);
  EXPECT_EQ(out.count(Kind::add_ref), 1U) << "for the copy that it sent";
  home.on_freed(out);
  EXPECT_EQ(out.count(Kind::drop_flight), 1U);
}

/// Parties come, time out, die, act and reset at random. Nobody who waits is forgotten, and a round
/// lets exactly its parties go.
TEST_F(BarrierHomeTest, RandomEventsNeverMixRounds) {
  const auto seed = test_seed();
  SCOPED_TRACE("MPX_TEST_SEED=" + std::to_string(seed));
  Dice dice(seed);
  for (int job = 0; job < 400; ++job) {
    const auto parties = 1 + dice.below(4);
    const bool acts = dice.chance(0.5);
    auto home = acts ? acting(parties) : plain(parties);
    std::uint64_t next_call = 1, next_process = 1;
    std::map<std::uint64_t, ProcessId> waiting;  // by call
    std::optional<std::pair<ProcessId, std::uint64_t>> actor;
    std::uint64_t released = 0, rounds = 0;  // with index other than 0; by index 0
    bool broke = false;
    const auto answers = [&] {
      for (const auto& frame : out.take()) {
        const auto found = waiting.find(frame.header.call);
        if (found == waiting.end()) continue;
        if (frame.header.status != 0) {
          broke = true;
        } else {
          Unpacker in(frame.body);
          const auto index = in.get<std::uint64_t>();
          const auto round = in.get<std::uint64_t>();
          ASSERT_EQ(round != 0, acts && index == 0);
          if (index == 0) {
            ++rounds;
            if (acts) actor = {found->second, round};
          } else {
            ++released;
          }
        }
        waiting.erase(found);
      }
    };
    for (int event = 0; event < 60; ++event) {
      switch (dice.below(broke ? 6 : 9)) {
        case 0:
          if (waiting.empty()) break;
          home.on_cancel(waiting.begin()->second, waiting.begin()->first, out);
          actor.reset();
          break;
        case 1: {
          if (waiting.empty() || !dice.chance(0.3)) break;
          const auto who = waiting.begin()->second;
          std::erase_if(waiting, [&](const auto& waiter) { return waiter.second == who; });
          home.on_ended(who, facts_of(who, -9), out);
          actor.reset();
          broke = true;
          break;
        }
        case 2:
          if (!dice.chance(0.3)) break;
          home.on(request(Kind::barrier_reset, a, 0), {}, out);
          actor.reset();
          ASSERT_NO_FATAL_FAILURE(answers());
          ASSERT_TRUE(waiting.empty());
          broke = false, released = rounds = 0;
          break;
        case 3:
          if (!actor) break;
          done(home, actor->first, 0, actor->second);
          actor.reset();
          break;
        default:
          waiting[next_call] = process(next_process++);
          wait(home, waiting[next_call], next_call);
          ++next_call;
      }
      ASSERT_NO_FATAL_FAILURE(answers());
      ASSERT_EQ(home.broken(), broke);
      if (broke) {
        ASSERT_TRUE(waiting.empty()) << "a broken barrier keeps somebody waiting";
        continue;
      }
      ASSERT_EQ(released, (rounds - (actor ? 1 : 0)) * (parties - 1));
      ASSERT_TRUE(actor || waiting.size() < parties);
    }
    out.take();
  }
}

}  // namespace
}  // namespace mpx::detail
