#include "homes/wait_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/homes.hpp"

namespace mpx::detail {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

const WaitWatch::Time kStart{};
const ProcessId kMain(0, 0), kWorker(1, 0), kFirst(1, 1), kSecond(1, 2);
const ObjectId kLockA{0, 1, kMain}, kLockB{0, 2, kMain};

WaitRecord waiting(Kind kind, const ObjectId& object, std::chrono::nanoseconds age,
                   std::uint64_t number = 1, WaitLimit limit = WaitLimit::none) {
  return {object, number, age.count(), kind, limit};
}

/// Two ranks with a main process and two others, and the watch over them.
class WaitWatchTest : public testing::Test {
 protected:
  WaitWatch watch{{{"a", "b"},
                   true,
                   [] {
                     return std::vector<std::pair<ProcessId, ProcessFacts>>{
                         {kFirst, {"first", "b", 1, 11, 0, 0}},
                         {kSecond, {"second", "b", 1, 12, 0, 0}}};
                   },
                   [] {
                     return std::map<ObjectId, std::string>{{kLockA, "a"}};
                   }}};
  Collected out;
  std::uint64_t round = 0;
  std::map<ProcessId, ProcessWaits> answers = {
      {kMain, {0, 1, 0, {waiting(Kind::await_children, {}, 6s)}}},
      {kWorker, {0, 2, 0, {waiting(Kind::shutdown, {}, 6s, 1, WaitLimit::idle)}}},
      {kFirst, {0, 11, 0, {waiting(Kind::acquire, kLockB, 6s, 7)}}},
      {kSecond, {0, 12, 0, {waiting(Kind::acquire, kLockA, 6s, 8)}}}};
  std::uint8_t under_way = 0;

  /// Whether the ranks are asked, each once.
  bool asked(Kind kind = Kind::waits_ask) {
    const auto frames = out.take();
    for (const auto& frame : frames) {
      EXPECT_EQ(frame.header.kind, kind);
      round = Unpacker(frame.body).get<std::uint64_t>();
    }
    return !frames.empty();
  }
  void answer(ProcessId who) {
    auto waits = answers.at(who);
    waits.round = round;
    watch.on(request(Kind::waits, who), {Packer::pack(waits), {}}, out);
    EXPECT_TRUE(out.frames.empty()) << "what comes of it waits for the time";
  }
  void answer_all(WaitWatch::Time now) {
    for (const int rank : {0, 1}) {
      watch.on(request(Kind::waits_rank, ProcessId(rank, 0)),
               {Packer::pack(round, under_way, std::vector<HeldPermits>{}), {}}, out);
    }
    for (const auto& [id, waits] : answers) answer(id);
    watch.on_time(now, 1, out);
  }
  void answer_homes(WaitWatch::Time now) {
    const std::vector<ObjectFacts> facts = {{kLockA, "Lock", {kFirst}, {}, ""},
                                            {kLockB, "Lock", {kSecond}, {}, ""}};
    watch.on(request(Kind::waits_objects, kMain), {Packer::pack(round, facts), {}}, out);
    watch.on_time(now, 1, out);
  }
  /// A report is wanted, and the time is told.
  void want(WaitWatch& from, WaitWatch::Time now) {
    from.on(request(Kind::waits_want, kWorker), {}, out);
    EXPECT_TRUE(from.active());
    EXPECT_TRUE(from.next() && *from.next() <= now + WaitWatch::kAnswer);
    from.on_time(now, 0, out);
  }
  /// The main process has waited for long enough, and all are asked.
  void begin_look() {
    watch.on_time(kStart, 1, out);
    ASSERT_EQ(watch.next(), kStart + 5s);
    watch.on_time(kStart + 5s, 1, out);
    ASSERT_TRUE(asked());
  }
};

TEST_F(WaitWatchTest, TellsADeadlockAfterTwoEqualLooks) {
  begin_look();
  answer_all(kStart + 5s);
  ASSERT_TRUE(asked());  // once more
  answer_all(kStart + 5s);
  ASSERT_TRUE(asked(Kind::waits_ask_homes));
  EXPECT_FALSE(watch.take_report());
  answer_homes(kStart + 5s);
  const auto report = watch.take_report();
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->deadlock);
  EXPECT_THAT(report->text, HasSubstr("Lock \"a\", held by first"));
  EXPECT_THAT(
      report->text,
      HasSubstr("cycle: first -> Lock #2 of MainProcess -> second -> Lock \"a\" -> first\n"));
  EXPECT_THAT(report->text, Not(HasSubstr("Rank-1")));
  EXPECT_FALSE(watch.next());  // told once
  watch.on_time(kStart + 100s, 1, out);
  EXPECT_FALSE(asked());
  watch.on_time(kStart + 100s, 2, out);  // it has gone on all the same
  EXPECT_EQ(watch.next(), kStart + 105s);
}

TEST_F(WaitWatchTest, AWaitThatHasChangedBetweenTheLooksIsNone) {
  begin_look();
  answer_all(kStart + 5s);
  ASSERT_TRUE(asked());
  ++answers[kSecond].waits[0].number;
  answer_all(kStart + 5s);
  EXPECT_FALSE(asked());
  EXPECT_FALSE(watch.active());
  EXPECT_EQ(watch.next(), kStart + 10s);
}

TEST_F(WaitWatchTest, WhoCanGoOnIsNotStuck) {
  const auto stuck = answers;
  const auto not_stuck = [&](const char* what) {
    SCOPED_TRACE(what);
    watch.on_time(kStart, 0, out);
    begin_look();
    answer_all(kStart + 5s);
    EXPECT_FALSE(asked());
    EXPECT_FALSE(watch.active());
    answers = stuck;
    under_way = 0;
  };
  answers[kFirst].waits[0].limit = WaitLimit::time;
  not_stuck("a time limit");
  answers[kFirst].running = 1;
  not_stuck("another thread");
  answers[kFirst].waits.clear();
  not_stuck("it only looks in passing");
  under_way = 1;
  not_stuck("a transfer");
  answers[kFirst].waits[0].age_ns = std::chrono::nanoseconds(1s).count();
  not_stuck("not for long enough");
  EXPECT_EQ(watch.next(), kStart + 9s);  // then it will be
}

TEST_F(WaitWatchTest, WhoDoesNotAnswerComputesAndIsAskedLessAndLessOften) {
  begin_look();
  answer(kMain);
  auto now = kStart + 6s;
  std::chrono::seconds pause = 5s;
  for (int i = 0; i < 8; ++i) {
    watch.on_time(now, 1, out);
    EXPECT_FALSE(watch.active());
    EXPECT_EQ(watch.next(), now + pause);
    pause = std::min<std::chrono::seconds>(2 * pause, 60s);
    now = *watch.next();
    watch.on_time(now, 1, out);
    EXPECT_TRUE(asked());
    now += 1s;
  }
  EXPECT_FALSE(watch.take_report());
}

TEST_F(WaitWatchTest, ALateAnswerIsForgotten) {
  begin_look();
  const auto first_round = round;
  watch.on_time(kStart + 6s, 1, out);
  watch.on_time(kStart + 11s, 1, out);
  ASSERT_TRUE(asked());
  round = first_round;
  answer_all(kStart + 11s);
  EXPECT_TRUE(watch.active());
}

TEST_F(WaitWatchTest, IdleProcessesAloneAreNoDeadlock) {
  for (auto& [id, answer] : answers) answer.waits[0].limit = WaitLimit::idle;
  begin_look();
  answer_all(kStart + 5s);
  EXPECT_FALSE(watch.active());
}

TEST_F(WaitWatchTest, ReportsWhatIsWantedWithoutThoseThatCompute) {
  want(watch, kStart);
  ASSERT_TRUE(asked());
  want(watch, kStart);  // the same
  EXPECT_FALSE(asked());
  answer(kMain);
  answer(kSecond);
  watch.on_time(kStart + 999ms, 0, out);
  EXPECT_FALSE(asked());
  watch.on_time(kStart + 1s, 0, out);
  ASSERT_TRUE(asked(Kind::waits_ask_homes));
  watch.on_time(kStart + 2s, 0, out);  // the homes do not answer either
  const auto report = watch.take_report();
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->deadlock);
  EXPECT_THAT(report->text, HasSubstr("first        1     b     11          - (it computes"));
  EXPECT_THAT(report->text, HasSubstr("an object \"a\""));
}

TEST_F(WaitWatchTest, AReportThatIsWantedWhileALookIsUnderWayFollowsIt) {
  begin_look();
  want(watch, kStart + 5s);
  answer_all(kStart + 5s);
  ASSERT_TRUE(asked());
  answer_all(kStart + 5s);
  ASSERT_TRUE(asked(Kind::waits_ask_homes));
  answer_homes(kStart + 5s);
  const auto report = watch.take_report();
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->deadlock);
}

TEST_F(WaitWatchTest, WhenAllHaveAnsweredItIsDueAtOnce) {
  begin_look();
  EXPECT_EQ(watch.next(), kStart + 6s);
  for (const int rank : {0, 1}) {
    watch.on(request(Kind::waits_rank, ProcessId(rank, 0)),
             {Packer::pack(round, under_way, std::vector<HeldPermits>{}), {}}, out);
  }
  for (const auto& [id, waits] : answers) {
    EXPECT_EQ(watch.next(), kStart + 6s);
    answer(id);
  }
  EXPECT_LE(watch.next(), kStart + 5s);
}

TEST_F(WaitWatchTest, ARequestThatItDoesNotKnowIsRefused) {
  watch.on(request(Kind::queue_put, kFirst, 3), text_payload("x", {kLockA}), out);
  EXPECT_EQ(out.answer(kFirst, 3), Status::usage);
  EXPECT_EQ(out.count(Kind::drop_flight), 1u);
  EXPECT_FALSE(watch.active());
}

TEST_F(WaitWatchTest, WithoutLooksOnlyReportsOnRequest) {
  WaitWatch quiet({{"a"},
                   false,
                   [] { return std::vector<std::pair<ProcessId, ProcessFacts>>{}; },
                   [] { return std::map<ObjectId, std::string>{}; }});
  quiet.on_time(kStart, 1, out);
  EXPECT_FALSE(quiet.next());
  want(quiet, kStart);
  EXPECT_TRUE(asked());
}

TEST(WaitGraph, PermitsHeldByOneProcessMakeACycle) {
  WaitGraph graph;
  const ObjectId semaphore{0, 1, kMain};
  graph.processes[kFirst] = {{"first", "b", 1, 11, 0, 0},
                             ProcessWaits{1, 11, 0, {waiting(Kind::acquire, semaphore, 1s)}}};
  graph.objects[semaphore] = {semaphore, "Semaphore", {kFirst, kSecond}, {}, ""};
  EXPECT_TRUE(graph.cycle().empty());  // the other may release
  graph.objects[semaphore].holders = {kFirst};
  EXPECT_EQ(graph.cycle(), std::vector{kFirst});
}

TEST(WaitGraph, LeavesOutWhatIsTooMuch) {
  WaitGraph graph;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    graph.processes[ProcessId(1, i)] = {
        {"p" + std::to_string(i), "b", 1, 11, 0, 0},
        ProcessWaits{1, 11, 0, {waiting(Kind::queue_get, kLockA, 1s)}}};
  }
  const auto text = graph.describe();
  EXPECT_THAT(text, HasSubstr("… and 36 more"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 66);
}

}  // namespace
}  // namespace mpx::detail
