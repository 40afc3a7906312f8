#include "core/remote_exception.hpp"
#include "homes/pool_home_support.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

TEST_F(PoolHomeTest, TellsHowManyElementsAreUnfinished) {
  open(1);
  all_ready();
  function(9);
  EXPECT_EQ(pool->unfinished(), "");
  submit(1, 3);
  finish(begun[0], 2);
  EXPECT_EQ(pool->unfinished(), "pool 'Pool': 2 of 3 elements finished");
  submit(2, 4, 1, "f", other);
  EXPECT_EQ(pool->unfinished(), "pool 'Pool': 2 of 7 elements finished");
  pool->on_ended(other, facts_of(other, 0), out);  // nobody wants these any more
  pump();
  EXPECT_EQ(pool->unfinished(), "pool 'Pool': 2 of 3 elements finished");
  finish(begun[0], 1);
  EXPECT_EQ(pool->unfinished(), "");
}

TEST_F(PoolHomeTest, StartsItsProcessesAndAnswersHowMany) {
  open(3);
  EXPECT_EQ(begun.size(), 3u);
  const auto reply = out.pop(Kind::reply, owner);
  ASSERT_TRUE(reply);
  EXPECT_EQ(Unpacker(reply->body).get<std::uint64_t>(), 3u);
}

TEST_F(PoolHomeTest, HasAsManyProcessesAsTheJobHasSlotsUnlessTold) {
  open(0);
  EXPECT_EQ(begun.size(), 4u);
}

TEST_F(PoolHomeTest, NothingIsHandedToAProcessThatIsNotReady) {
  open(2);
  function(9);
  EXPECT_EQ(submit(1, 10), Status::ok);
  EXPECT_TRUE(workers.at(begun[0]).units.empty());
  ready(begun[1]);
  EXPECT_FALSE(workers.at(begun[1]).units.empty());
  EXPECT_TRUE(workers.at(begun[0]).units.empty());
}

TEST_F(PoolHomeTest, OneProcessCarriesUnitsOutInOrder) {
  open(1);
  function(9);
  all_ready();
  submit(1, 3, 1, "a");
  submit(2, 2, 1, "b");
  work_off();
  EXPECT_EQ(ran, (std::vector<std::string>{"a0", "a1", "a2", "b0", "b1"}));
  EXPECT_EQ(with(Status::ok), 5u);
}

TEST_F(PoolHomeTest, AFixedChunkIsHandedAsAWhole) {
  open(2);
  function(9);
  all_ready();
  submit(1, 100, 10);
  for (const auto who : begun) EXPECT_EQ(workers.at(who).units.size() % 10, 0u);
  EXPECT_GE(workers.at(begun[0]).units.size(), 10u);
  work_off();
  EXPECT_EQ(with(Status::ok), 100u);
}

TEST_F(PoolHomeTest, ShortUnitsAreHandedInLargerChunksThanLongOnes) {
  open(2);
  function(9);
  all_ready();
  submit(1, 10'000, 0);
  for (int i = 0; i < 10; ++i) {
    finish(begun[0], 1, 1'000'000'000);
    EXPECT_LE(workers.at(begun[0]).units.size(), 2u) << "a second each: only the next one waits";
  }
  for (int i = 0; i < 100; ++i) finish(begun[0], 1, 100);
  EXPECT_GT(workers.at(begun[0]).units.size(), 100u);
}

TEST_F(PoolHomeTest, WhatWaitsBehindALongUnitIsRecalledForAnIdleProcess) {
  open(2);
  function(9);
  ready(begun[0]);
  submit(1, 8, 4);
  ASSERT_EQ(workers.at(begun[0]).units.size(), 8u);
  ready(begun[1]);  // nothing is left to hand out
  ASSERT_TRUE(answer_recall(begun[0]));
  EXPECT_LT(workers.at(begun[0]).units.size(), 8u);
  EXPECT_FALSE(workers.at(begun[1]).units.empty());
  work_off();
  EXPECT_EQ(with(Status::ok), 8u);
  EXPECT_EQ(ran.size(), 8u) << "nothing ran twice";
  submit(2, 4, 4);
  EXPECT_FALSE(answer_recall(begun[0]) || answer_recall(begun[1])) << "it would come back again";
}

TEST_F(PoolHomeTest, OnlyTheUnitThatADeadProcessWasOnIsChargedATry) {
  open(1, 0);
  function(9);
  all_ready();
  submit(1, 6, 3);
  finish(begun[0]);
  die(begun[0]);
  ASSERT_EQ(begun.size(), 2u) << "it is replaced";
  ready(begun[1]);
  work_off();
  EXPECT_EQ((results[{1, 1}]), Status::error);
  EXPECT_EQ(with(Status::ok), 5u);
  EXPECT_EQ(ran, (std::vector<std::string>{"e0", "e2", "e3", "e4", "e5"}));
}

/// The message of a failed element.
std::string text_of_error(ByteView captured) {
  try {
    rethrow(captured);
  } catch (const ProcessLost& lost) {
    const auto index = dynamic_cast<const RemoteOrigin&>(lost).index();
    return std::string(lost.what()) + (index ? " @" + std::to_string(*index) : "");
  }
}

TEST_F(PoolHomeTest, ADeathNamesTheElementOfAMapButOfACallByItselfNone) {
  open(1, 0);
  function(9);
  all_ready();
  submit(1, 2);
  finish(begun[0]);
  die(begun[0]);
  EXPECT_EQ(
      text_of_error(errors.at({1, 1})),
      "process 'p1' (rank 0, host node, pid 1000) was killed by signal 9 while it ran element 1 "
      "of a map of Pool; tried once @1");
  ready(begun[1]);
  submit_single(2);
  die(begun[1], 3);
  EXPECT_EQ(
      text_of_error(errors.at({2, 0})),
      "process 'p2' (rank 0, host node, pid 1000) ended with exit code 3 while it ran a task of "
      "Pool; tried once");
}

// A tenth of the tasks kills its process.
TEST_F(PoolHomeTest, ADeathCostsTheSameHoweverMuchIsOutstanding) {
  constexpr std::uint64_t kTasks = 100'000;
  open(1, 0);
  function(9);
  all_ready();
  for (std::uint64_t batch = 1; batch <= kTasks; ++batch) submit(batch, 1, 0);
  ASSERT_EQ(handed, 2u) << "the others wait";
  std::size_t deaths = 0;
  while (results.size() < kTasks) {
    const auto who = begun.back();
    for (int i = 0; i < 9; ++i) finish(who, 1, 1000);  // short: many could be under way
    if (results.size() == kTasks) break;
    die(who);
    ready(begun.back());
    ++deaths;
  }
  EXPECT_EQ(deaths, kTasks / 10);
  EXPECT_EQ(with(Status::error), deaths);
  EXPECT_LE(handed, kTasks + 20 * deaths)
      << "each death gives back no more than its life has brought";
}

// One look at every process for each event would take minutes.
TEST_F(PoolHomeTest, AnEventCostsTheSameHoweverManyProcessesThereAre) {
  constexpr std::size_t kProcesses = 4'000, kUnits = 10 * kProcesses;
  open(kProcesses);
  function(9);
  all_ready();
  submit(1, kUnits, 1);
  for (std::size_t i = 0; i < kUnits / kProcesses; ++i) {
    for (const auto who : begun) finish(who, 1, 1'000'000);
  }
  work_off();
  EXPECT_EQ(with(Status::ok), kUnits);
  EXPECT_EQ(ran.size(), kUnits) << "nothing ran twice";
}

// The last units are long ones; those behind them go to who is idle, a few recalls for each.
TEST_F(PoolHomeTest, RecallsForTheIdleAreFewHoweverManyProcessesThereAre) {
  constexpr std::size_t kProcesses = 2'000;
  open(kProcesses);
  function(9);
  all_ready();
  submit(1, 2 * kProcesses, 1);
  const auto first = begun.front();
  finish(first), finish(first);  // it has nothing left, and the others two each
  std::size_t recalls = 0;
  for (const auto who : begun) recalls += answer_recall(who) ? 1 : 0;
  EXPECT_LE(recalls, 2u);
  EXPECT_FALSE(workers.at(first).units.empty());
}

TEST_F(PoolHomeTest, APoolWhoseProcessesCrashInTurnReplacesOneForEachDeath) {
  constexpr std::size_t kProcesses = 64, kDeaths = 20'000;
  open(kProcesses, 1'000'000);
  function(9);
  all_ready();
  submit(1, kProcesses, 1);
  for (std::size_t i = 0; i < kDeaths; ++i) {
    die(begun[i]);
    ready(begun.back());
  }
  EXPECT_EQ(begun.size(), kProcesses + kDeaths);
  EXPECT_LE(handed, kProcesses + 2 * kDeaths);
  work_off();
  EXPECT_EQ(with(Status::ok), kProcesses);
}

TEST_F(PoolHomeTest, AUnitIsTriedAgainAsOftenAsAllowedThenFails) {
  open(1, 2);
  function(9);
  all_ready();
  submit(1, 1);
  for (int death = 0; death < 3; ++death) {
    EXPECT_TRUE(results.empty());
    ASSERT_EQ(workers.at(begun.back()).units.size(), 1u);
    die(begun.back());
    ready(begun.back());
  }
  EXPECT_EQ((results[{1, 0}]), Status::error);
  EXPECT_TRUE(workers.at(begun.back()).units.empty());
}

TEST_F(PoolHomeTest, ADeathBetweenUnitsChargesNobody) {
  open(1, 0);
  function(9);
  all_ready();
  submit(1, 4, 2);
  finish(begun[0]);
  die(begun[0], 0, false);
  ready(begun[1]);
  work_off();
  EXPECT_EQ(with(Status::ok), 4u);
}

TEST_F(PoolHomeTest, AProcessIsReplacedAfterSoManyTasks) {
  open(1, 1, 3);
  function(9);
  all_ready();
  submit(1, 7);
  EXPECT_EQ(workers.at(begun[0]).units.size(), 2u);
  finish(begun[0]);
  EXPECT_TRUE(workers.at(begun[0]).quit) << "it has been given all that it may have";
  work_off();
  EXPECT_EQ(with(Status::ok), 7u);
  EXPECT_EQ(begun.size(), 3u) << "3 + 3 + 1";
}

TEST_F(PoolHomeTest, CloseLetsTheRestFinishAndJoinWaitsForIt) {
  open(2);
  function(9);
  all_ready();
  submit(1, 20);
  pool->on(request(Kind::pool_join, owner, 5), {}, out);
  EXPECT_EQ(out.answer(owner, 5), Status::usage) << "before close";
  pool->on(request(Kind::pool_close, owner, 6), {}, out);
  EXPECT_EQ(out.answer(owner, 6), Status::ok);
  EXPECT_EQ(submit(2, 1), Status::usage);
  pool->on(request(Kind::pool_join, owner, 7), {}, out);
  EXPECT_EQ(out.answer(owner, 7), std::nullopt);
  work_off();
  EXPECT_EQ(with(Status::ok), 20u);
  EXPECT_EQ(out.answer(owner, 7), Status::ok);
  EXPECT_EQ(directory.live(), 0u) << "none is replaced";
}

TEST_F(PoolHomeTest, EndsBeforeItsOwnerEndsInGoodOrder) {
  open(2);
  directory.on(request(Kind::await_children, other, 5), {}, out);
  pump();
  EXPECT_TRUE(killed.empty());
  directory.on(request(Kind::await_children, owner, 6), {}, out);
  pump();
  EXPECT_EQ(killed, (std::set<ProcessId>{begun[0], begun[1]}));
  EXPECT_EQ(out.answer(owner, 6), Status::ok);
}

TEST_F(PoolHomeTest, AProcessIsToldToQuitOnlyWhenItIsReady) {
  open(2);
  ready(begun[0]);
  pool->on(request(Kind::pool_close, owner, 6), {}, out);
  pump();
  EXPECT_TRUE(workers.at(begun[0]).quit);
  EXPECT_FALSE(workers.at(begun[1]).quit) << "it would not hear it";
  ready(begun[1]);
  EXPECT_TRUE(workers.at(begun[1]).quit);
}

TEST_F(PoolHomeTest, AJoinCanGiveUp) {
  open(1);
  pool->on(request(Kind::pool_close, owner, 6), {}, out);
  pool->on(request(Kind::pool_join, owner, 7), {}, out);
  pool->on_cancel(owner, 7, out);
  EXPECT_EQ(out.answer(owner, 7), Status::no);
}

TEST_F(PoolHomeTest, TerminateAnswersAllThatIsPendingAndKills) {
  open(2);
  function(9);
  all_ready();
  submit(1, 10'000);
  finish(begun[0]);
  pool->on(request(Kind::pool_terminate, other, 5), {}, out);
  EXPECT_EQ(out.answer(other, 5), Status::ok);
  pump();
  EXPECT_EQ(results.size(), 10'000u);
  EXPECT_EQ(with(Status::error), 9'999u);
  EXPECT_EQ(killed.size(), 2u);
  pool->on(request(Kind::pool_join, owner, 7), {}, out);
  for (const auto who : std::vector(begun)) die(who);
  EXPECT_EQ(out.answer(owner, 7), Status::ok);
  EXPECT_EQ(begun.size(), 2u);
  EXPECT_EQ(doubled, 0);
  EXPECT_EQ(submit(2, 1), Status::usage);
}

TEST_F(PoolHomeTest, TheEndOfItsOwnerTerminatesIt) {
  open(2);
  pool->on_ended(owner, facts_of(owner, 0), out);
  pump();
  EXPECT_EQ(killed.size(), 2u);
}

TEST_F(PoolHomeTest, AFailedInitializerFailsWhatIsSubmitted) {
  open(2);
  function(9);
  submit(1, 3);
  auto failed = request(Kind::pool_ready, begun[0]);
  failed.status = static_cast<std::uint16_t>(Status::error);
  pool->on(failed, text_payload("captured"), out);
  pump();
  EXPECT_EQ(with(Status::error), 3u);
  submit(2, 2);
  EXPECT_EQ(with(Status::error), 5u);
}

TEST_F(PoolHomeTest, ProcessesThatNeverGetReadyAreNotStartedForEver) {
  open(2);
  function(9);
  submit(1, 3);
  for (int i = 0; i < 100 && !workers.empty(); ++i) die(workers.begin()->first, 1, false);
  EXPECT_TRUE(workers.empty());
  EXPECT_EQ(with(Status::error), 3u);
  EXPECT_LT(begun.size(), 20u);
}

TEST_F(PoolHomeTest, TheDirectoryTellsOfAProcessThatHasSaidNothingYet) {
  open(2);
  directory.on_ended(begun[0], facts_of(begun[0], -9), out);
  pump();
  EXPECT_EQ(begun.size(), 3u) << "it is replaced";
  pool.reset();
  for (const auto who : begun) directory.on_ended(who, facts_of(who, -9), out);
  pump();
  EXPECT_EQ(begun.size(), 3u);
  EXPECT_EQ(directory.live(), 0u);
}

TEST_F(PoolHomeTest, TheTasksOfASubmitterThatDiesAreDropped) {
  open(1);
  function(9);
  all_ready();
  submit(1, 50, 1, "orphan", other);
  submit(2, 5, 1, "mine");
  pool->on_ended(other, facts_of(other, -9), out);
  pump();
  work_off();
  EXPECT_EQ(with(Status::ok), 5u);
  EXPECT_LE(ran.size(), 7u) << "only what a process already had";
  EXPECT_EQ(ran.back(), "mine4");
}

// The process has units of the dead submitter behind those of another.
TEST_F(PoolHomeTest, ARecallAfterASubmitterDiedTakesNoUnitBackThatIsUnderWay) {
  open(2);
  function(9);
  ready(begun[0]);
  submit(1, 4, 4, "mine");
  submit(2, 4, 4, "orphan", other);
  ASSERT_EQ(workers.at(begun[0]).units.size(), 8u);
  pool->on_ended(other, facts_of(other, -9), out);
  pump();
  ready(begun[1]);
  ASSERT_TRUE(answer_recall(begun[0]));
  work_off();
  EXPECT_EQ(std::count(ran.begin(), ran.end(), "mine0"), 1)
      << "it was under way when the others came back";
  EXPECT_EQ(with(Status::ok), 4u);
}

TEST_F(PoolHomeTest, AnEmptySubmissionHoldsNothingUp) {
  open(1);
  function(9);
  all_ready();
  EXPECT_EQ(submit(1, 0), Status::ok);
  submit(2, 3);
  work_off();
  EXPECT_EQ(with(Status::ok), 3u);
  pool->on(request(Kind::pool_close, owner, 6), {}, out);
  pool->on(request(Kind::pool_join, owner, 7), {}, out);
  pump();
  work_off();
  EXPECT_EQ(out.answer(owner, 7), Status::ok);
}

TEST_F(PoolHomeTest, AProcessThatWaitsGivesBackWhatWaitsBehindItsTask) {
  open(1);
  function(9);
  all_ready();
  submit(1, 4, 4, "outer");
  wait(begun[0]);
  ASSERT_TRUE(answer_recall(begun[0]));
  EXPECT_EQ(workers.at(begun[0]).units.size(), 1u);
  ASSERT_EQ(begun.size(), 1u) << "its slot is lent, but only to deeper tasks";
  resume(begun[0]);
  work_off();
  EXPECT_EQ(with(Status::ok), 4u);
}

TEST_F(PoolHomeTest, TheTasksOfATaskGoFirstToAProcessThatIsStartedForThem) {
  open(1);
  function(9);
  all_ready();
  submit(1, 2, 1, "outer");
  submit(2, 2, 1, "inner", begun[0], 1);
  ASSERT_EQ(begun.size(), 1u) << "the task that submitted does not wait yet";
  wait(begun[0]);
  answer_recall(begun[0]);
  ASSERT_EQ(begun.size(), 2u);
  ready(begun[1]);
  ASSERT_EQ(workers.at(begun[1]).units.front().text, "inner0");
  finish(begun[1]);
  finish(begun[1]);
  EXPECT_TRUE(workers.at(begun[1]).units.empty()) << "a task of level 0 would make two of them";
  resume(begun[0]);
  work_off();
  EXPECT_EQ(with(Status::ok), 4u);
  EXPECT_EQ(begun.size(), 2u);
}

TEST_F(PoolHomeTest, AProcessThatDiesWhileItWaitsIsChargedItsTaskAndItsTasksAreDropped) {
  open(1, 0);
  function(9);
  all_ready();
  submit(1, 1, 1, "outer");
  submit(2, 5, 1, "inner", begun[0], 1);
  wait(begun[0]);
  ready(begun[1]);
  die(begun[0]);
  EXPECT_EQ((results[{1, 0}]), Status::error);
  work_off();
  EXPECT_EQ(with(Status::ok), 0u) << "nobody wants the inner results";
  submit(3, 3);
  work_off();
  EXPECT_EQ(with(Status::ok), 3u);
}

/// Each task submits two of the next level and waits for them: as many processes per level as the
/// pool has slots, and everything ends.
TEST_F(PoolHomeTest, RecursionEndsWithAFewProcessesPerLevel) {
  constexpr std::uint64_t kSlots = 3, kLevels = 6;
  open(kSlots);
  function(9);
  all_ready();
  submit(1, 10, 0, "0.");
  std::map<ProcessId, std::uint64_t> waits;  // for a batch
  std::uint64_t batch = 1, made = 10;
  for (bool some = true; some;) {
    some = false;
    for (std::size_t i = 0; i < begun.size(); ++i) {
      const auto who = begun[i];
      ready(who);
      some |= answer_recall(who);
      if (workers.at(who).units.empty()) continue;
      if (const auto waited = waits.find(who); waited != waits.end()) {
        if (!results.contains({waited->second, 0}) || !results.contains({waited->second, 1}))
          continue;
        waits.erase(waited);
        resume(who);
        finish(who, 1, 1000);
      } else if (const auto level = workers.at(who).units.front().text[0] - '0';
                 level + 1 < static_cast<int>(kLevels)) {
        waits[who] = ++batch;
        made += 2;
        submit(batch, 2, 0, std::to_string(level + 1) + ".", who,
               static_cast<std::uint64_t>(level) + 1);
        wait(who);
      } else {
        finish(who, 1, 1000);
      }
      some = true;
    }
  }
  EXPECT_EQ(made, 10u * ((1u << kLevels) - 1));
  EXPECT_EQ(with(Status::ok), made);
  EXPECT_EQ(doubled, 0);
  EXPECT_LE(begun.size(), kSlots * kLevels);
}

/// Submissions of all shapes, results, recalls and deaths at random.
TEST_F(PoolHomeTest, RandomEventsAnswerEveryElementOnce) {
  const auto seed = test_seed();
  SCOPED_TRACE("MPX_TEST_SEED=" + std::to_string(seed));
  Dice dice(seed);
  open(4, 1, 40);
  function(9);
  all_ready();
  std::uint64_t batch = 0, elements = 0, deaths = 0;
  for (int event = 0; event < 6000; ++event) {
    std::vector<ProcessId> live;
    for (const auto& [who, worker] : workers) live.push_back(who);
    if (live.empty()) break;
    const auto who = dice.pick(live);
    switch (dice.below(7)) {
      case 0:
        if (dice.chance(0.3)) {
          const auto count = 1 + dice.below(60);
          ++batch;
          submit(batch, count, dice.below(4) * dice.below(6), "e" + std::to_string(batch) + ".");
          elements += count;
        }
        break;
      case 1:
        answer_recall(who);
        break;
      case 2:
        ready(who);
        break;
      case 3:
        if (dice.chance(0.06)) {
          const bool in_task = !workers.at(who).units.empty() && dice.chance(0.7);
          die(who, -9, in_task);
          ++deaths;
          ready(begun.back());
        } else if (workers.at(who).quit && workers.at(who).units.empty()) {
          die(who, 0, false);
          ready(begun.back());
        }
        break;
      default:
        finish(who, 1 + dice.below(5), 1 + dice.below(200'000));
    }
  }
  work_off();
  EXPECT_EQ(results.size(), elements);
  EXPECT_EQ(doubled, 0);
  EXPECT_EQ(std::set<std::string>(ran.begin(), ran.end()).size(), ran.size())
      << "a finished unit ran again";
  EXPECT_EQ(ran.size(), with(Status::ok));
  EXPECT_LE(with(Status::error), deaths / 2);
  EXPECT_GT(elements, 1000u);
}

TEST(PoolBatch, LargeElementsAreSharedAndNotCopied) {
  Packer body;
  body.put(PoolSubmission{1, 9, 3, 0, 0, kLargeBytes, 0});
  const Bytes elements(3 * kLargeBytes);
  body.put_raw(elements.data(), elements.size());
  auto bytes = std::move(body).take();
  const auto* place = bytes.data() + sizeof(PoolSubmission);
  PoolBatch batch(1, request(Kind::pool_submit, process(1)), {std::move(bytes), {}});
  Collected out;
  const auto payload = batch.tasks(1, 3, out);
  EXPECT_EQ(payload.bytes.size(), sizeof(ClaimStamp) + sizeof(PoolTasks));
  EXPECT_EQ(payload.large.view().data(), place + kLargeBytes);
  EXPECT_EQ(payload.large.size, 2 * kLargeBytes);
  EXPECT_FALSE(payload.large.sole()) << "they stay for another try";
}

}  // namespace
}  // namespace mpx::detail
