#include "homes/home_table.hpp"

#include <gtest/gtest.h>

#include <map>

#include "homes/pool_home.hpp"
#include "support/homes.hpp"
#include "wire/well_known.hpp"

namespace mpx::detail {
namespace {

/// Counts what happens to the homes of a table, by object.
struct Log {
  std::map<ObjectId, int> freed, requests, cancels, ends;
};

class LoggingHome : public Home {
 public:
  LoggingHome(const ObjectId& self, Log& log) : self_(self), log_(log) {}
  void on(const FrameHeader& /*request*/, Payload /*payload*/, Outbox& /*out*/) override {
    ++log_.requests[self_];
  }
  void on_cancel(ProcessId /*from*/, std::uint64_t /*call*/, Outbox& /*out*/) override {
    ++log_.cancels[self_];
  }
  void on_ended(ProcessId /*who*/, const ProcessFacts& /*facts*/, Outbox& /*out*/) override {
    ++log_.ends[self_];
  }
  void on_freed(Outbox& /*out*/) override { ++log_.freed[self_]; }

 private:
  ObjectId self_;
  Log& log_;
};

struct HomeTableTest : testing::Test {
  Log log;
  Collected out;
  HomeTable table{[this](const FrameHeader& header, const Payload& /*arguments*/, Outbox& to) {
    to.reply(header, Status::ok);
    return std::make_unique<LoggingHome>(header.object, log);
  }};
  const ObjectId object{0, 1, process(0)};

  void send(Kind kind, ProcessId from, const ObjectId& id, std::uint64_t call = 0,
            Payload payload = {}) {
    auto header = request(kind, from, call);
    header.object = id;
    table.on(make_frame(header, std::move(payload)), out);
  }
  void send(Kind kind, ProcessId from) { send(kind, from, object); }
  /// A claim or a drop_flight of a reference that `counter` had counted.
  void send(Kind kind, ProcessId from, ProcessId counter) {
    send(kind, from, object, counter.value());
  }
  void create() { send(Kind::create, process(0), object, 1); }
  [[nodiscard]] int freed() { return log.freed[object]; }
};

TEST_F(HomeTableTest, TheMakerHoldsTheFirstReference) {
  create();
  EXPECT_EQ(out.answer(process(0), 1), Status::ok);
  EXPECT_EQ(table.size(), 1u);
  send(Kind::drop, process(0));
  EXPECT_EQ(freed(), 1);
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(table.find(object), nullptr);
}

TEST_F(HomeTableTest, AReferenceInFlightKeepsTheObject) {
  create();
  send(Kind::add_ref, process(0), process(0));
  send(Kind::drop, process(0));
  EXPECT_EQ(freed(), 0);
  send(Kind::claim, process(1), process(0));
  EXPECT_EQ(freed(), 0);
  send(Kind::drop, process(1));
  EXPECT_EQ(freed(), 1);
}

TEST_F(HomeTableTest, AMessageThatNobodyReceivesGivesItsReferenceBack) {
  create();
  send(Kind::add_ref, process(0), process(0));
  send(Kind::drop, process(0));
  send(Kind::drop_flight, process(3), process(0));
  EXPECT_EQ(freed(), 1);
}

TEST_F(HomeTableTest, AClaimMayArriveBeforeTheReferenceItClaims) {
  create();
  send(Kind::claim, process(1), process(0));
  send(Kind::drop, process(1));
  EXPECT_EQ(freed(), 0);
  send(Kind::add_ref, process(0), process(0));
  EXPECT_EQ(freed(), 0);
  send(Kind::drop, process(0));
  EXPECT_EQ(freed(), 1);
}

// Two processes, one reference passed on: every order that keeps each process's own.
TEST_F(HomeTableTest, IsFreedExactlyOnceAndLastInEveryOrderOfAPassedReference) {
  std::vector<int> turns{0, 0, 1, 1};
  int orders = 0;
  do {
    create();
    const Kind steps[2][2] = {{Kind::add_ref, Kind::drop}, {Kind::claim, Kind::drop}};
    int done[2] = {0, 0};
    for (std::size_t i = 0; i < turns.size(); ++i) {
      EXPECT_EQ(freed(), orders) << "freed before step " << i << " of order " << orders;
      const auto who = static_cast<std::size_t>(turns[i]);
      send(steps[who][done[who]++], process(who), process(0));
    }
    EXPECT_EQ(freed(), ++orders);
  } while (std::next_permutation(turns.begin(), turns.end()));
  EXPECT_EQ(orders, 6);
  EXPECT_EQ(table.size(), 0u);
}

// 0 passes a reference to 1, which passes one on to 2; what 2 says arrives before what 1 says.
TEST_F(HomeTableTest, AReferencePassedOnTwiceMayBeClaimedInAnyOrder) {
  create();
  send(Kind::add_ref, process(0), process(0));
  send(Kind::drop, process(0));
  send(Kind::claim, process(2), process(1));
  send(Kind::drop, process(2));
  EXPECT_EQ(freed(), 0) << "process 1 has it still";
  send(Kind::claim, process(1), process(0));
  send(Kind::add_ref, process(1), process(1));
  send(Kind::drop, process(1));
  EXPECT_EQ(freed(), 1);
}

TEST_F(HomeTableTest, RequestsToAMissingObjectAreAnsweredAndTheirHandlesGivenBack) {
  const ObjectId inner{0, 7, process(2)};
  send(Kind::queue_put, process(1), object, 5, text_payload("x", {inner}));
  EXPECT_EQ(out.answer(process(1), 5), Status::no_object);
  ASSERT_TRUE(out.pop(Kind::drop_flight));
  for (const auto kind :
       {Kind::add_ref, Kind::claim, Kind::drop, Kind::drop_flight, Kind::cancel}) {
    send(kind, process(1));
  }
  EXPECT_TRUE(out.frames.empty()) << "counts of a missing object are no requests";
}

TEST_F(HomeTableTest, ACancelOfACallToAMissingObjectIsAnswered) {
  send(Kind::cancel, process(1), object, 9);
  EXPECT_EQ(out.answer(process(1), 9), Status::no_object);
}

TEST_F(HomeTableTest, RequestsAndCancelsReachTheirHome) {
  create();
  send(Kind::queue_get, process(1), object, 2);
  send(Kind::cancel, process(1), object, 2);
  EXPECT_EQ(log.requests[object], 1);
  EXPECT_EQ(log.cancels[object], 1);
}

TEST_F(HomeTableTest, AProcessThatEndsDropsAllItsReferences) {
  create();
  send(Kind::add_ref, process(0), process(0));
  send(Kind::claim, process(1), process(0));
  send(Kind::add_ref, process(0), process(0));
  send(Kind::claim, process(1), process(0));  // a second handle of the same process
  table.on_ended(process(0), facts_of(process(0), 0), out);
  EXPECT_EQ(freed(), 0);
  table.on_ended(process(1), facts_of(process(1), -9), out);
  EXPECT_EQ(freed(), 1);
  EXPECT_EQ(log.ends[object], 2);
}

TEST_F(HomeTableTest, OfAnEndOnlyTheHomesAreToldWhichTheProcessHasUsed) {
  const auto object_of = [](std::uint32_t serial) { return ObjectId{0, serial, process(0)}; };
  for (std::uint32_t i = 0; i < 1000; ++i) send(Kind::create, process(0), object_of(i), 1);
  send(Kind::queue_get, process(1), object_of(7), 2);  // without a reference, as a pool's process
  send(Kind::claim, process(1), object_of(8), process(0).value());
  send(Kind::claim, process(1), object_of(9), process(0).value());
  send(Kind::drop, process(1), object_of(9));  // it may be waiting there still
  send(Kind::queue_get, process(2), object_of(8), 2);
  table.on_ended(process(1), facts_of(process(1), -9), out);
  EXPECT_EQ(log.ends,
            (std::map<ObjectId, int>{{object_of(7), 1}, {object_of(8), 1}, {object_of(9), 1}}));
  table.on_ended(process(1), facts_of(process(1), -9), out);
  EXPECT_EQ(log.ends.size(), 3u) << "told twice: nothing";
  for (std::uint32_t i = 0; i < 1000; ++i) send(Kind::drop, process(0), object_of(i));
  table.on_ended(process(2), facts_of(process(2), -9), out);
  table.on_ended(process(0), facts_of(process(0), 0), out);
  EXPECT_EQ(log.ends[object_of(8)], 3) << "it was in flight all the time";
  EXPECT_EQ(log.ends[object_of(7)], 1) << "it is gone";
}

TEST_F(HomeTableTest, TheEndOfAProcessFreesAllThatOnlyItHeld) {
  for (std::uint32_t i = 0; i < 100; ++i)
    send(Kind::create, process(i % 2), ObjectId{0, i, process(i % 2)}, 1);
  table.on_ended(process(0), facts_of(process(0), 1), out);
  EXPECT_EQ(table.size(), 50u);
  EXPECT_EQ(log.freed.size(), 50u);
}

TEST_F(HomeTableTest, AFactoryThatRefusesLeavesNothing) {
  HomeTable refusing([](const FrameHeader& header, const Payload& /*arguments*/, Outbox& to) {
    to.reply(header, Status::usage);
    return std::unique_ptr<Home>();
  });
  auto header = request(Kind::create, process(0), 4);
  header.object = object;
  refusing.on(make_frame(header, {}), out);
  EXPECT_EQ(out.answer(process(0), 4), Status::usage);
  EXPECT_EQ(refusing.size(), 0u);
}

TEST_F(HomeTableTest, AnObjectIsMadeOnce) {
  create();
  auto header = request(Kind::create, process(1), 2);
  header.object = object;
  table.on(make_frame(header, text_payload("x", {ObjectId{0, 7, process(2)}})), out);
  EXPECT_EQ(out.answer(process(1), 2), Status::usage);
  EXPECT_EQ(out.count(Kind::drop_flight), 1u);
  send(Kind::drop, process(0));
  EXPECT_EQ(freed(), 1) << "who did not make it holds nothing";
}

TEST_F(HomeTableTest, AWellKnownObjectIsServedAndNeverMadeHeldOrFreed) {
  const auto id = well_known(7), missing = well_known(8);
  table.add(id, std::make_unique<LoggingHome>(id, log));
  send(Kind::name_find, process(1), id, 2);
  send(Kind::cancel, process(1), id, 2);
  EXPECT_EQ(log.requests[id], 1);
  EXPECT_EQ(log.cancels[id], 1);
  for (const auto kind : {Kind::add_ref, Kind::claim, Kind::claim, Kind::drop, Kind::drop_flight})
    send(kind, process(1), id, process(1).value());
  for (const auto& other : {id, missing}) {
    send(Kind::create, process(1), other, 3);
    EXPECT_EQ(out.answer(process(1), 3), Status::usage);
  }
  send(Kind::name_find, process(1), missing, 4);
  EXPECT_EQ(out.answer(process(1), 4), Status::no_object);
  EXPECT_EQ(log.requests[id], 1);
  EXPECT_EQ(log.freed[id], 0);
  EXPECT_EQ(table.size(), 0u);
}

/// Says whose turn it is.
class TurnHome : public Home {
 public:
  TurnHome(int number, std::vector<int>& turns) : number_(number), turns_(turns) {}
  ~TurnHome() override { turns_.push_back(-number_); }
  void on(const FrameHeader& /*request*/, Payload /*payload*/, Outbox& /*out*/) override {}
  void on_ended(ProcessId /*who*/, const ProcessFacts& /*facts*/, Outbox& /*out*/) override {
    turns_.push_back(number_);
  }

 private:
  int number_;
  std::vector<int>& turns_;
};

TEST(HomeTable, WellKnownObjectsAreToldOfEveryEndFirstAndAreTheLastToGo) {
  std::vector<int> turns;
  Collected out;
  {
    HomeTable table([&](const FrameHeader&, const Payload&, Outbox&) {
      return std::make_unique<TurnHome>(3, turns);
    });
    table.add(well_known(2), std::make_unique<TurnHome>(1, turns));
    table.add(well_known(1), std::make_unique<TurnHome>(2, turns));
    auto header = request(Kind::create, process(1), 1);
    header.object = {0, 1, process(1)};
    table.on(make_frame(header, {}), out);
    header = request(Kind::queue_get, process(2), 1);
    header.object = {0, 1, process(1)};
    table.on(make_frame(header, {}), out);
    table.on_ended(process(2), facts_of(process(2), -9), out);
    EXPECT_EQ(turns, (std::vector{1, 2, 3}));
    table.on_ended(process(3), facts_of(process(3), -9), out);
    EXPECT_EQ(turns, (std::vector{1, 2, 3, 1, 2})) << "it used none of the others";
    turns.clear();
  }
  ASSERT_EQ(turns.size(), 3u);
  EXPECT_EQ(turns[0], -3);
}

// The one slot is free again when the pool replaces the process that had it.
TEST(HomeTable, WhatIsStartedForADeathFindsTheSlotFree) {
  const ProcessId owner{0, 0};
  const ObjectId self{0, 1, owner};
  Collected out;
  Directory* directory = nullptr;
  HomeTable table([&](const FrameHeader& header, const Payload&, Outbox&) {
    return std::make_unique<PoolHome>(header.object, owner, *directory,
                                      PoolSettings{1, 0, 1, "", {}, {}});
  });
  directory = &table.add(kDirectory, std::make_unique<Directory>(std::vector<Directory::RankSlots>{
                                         {"alpha", 1, 0}, {"beta", 1, 0}}));
  const auto send = [&](Kind kind, ProcessId from) {
    auto header = request(kind, from, 1);
    header.object = self;
    table.on(make_frame(header, {}), out);
  };
  send(Kind::create, owner);
  send(Kind::pool_open, owner);
  StartRequest elsewhere;
  elsewhere.parent = owner;
  ProcessId other;
  ASSERT_EQ(directory->start(elsewhere, {}, nullptr, {}, other, out), "");
  for (int death = 0; death < 3; ++death) {
    auto started = out.pop(Kind::spawn);
    ASSERT_TRUE(started);
    const auto worker = started->header.to;
    EXPECT_EQ(worker.rank(), 0) << "not beside the other one";
    out.take();
    send(Kind::pool_ready, worker);  // it uses the pool, whose home is told by both
    table.on_ended(worker, facts_of(worker, -9), out);
  }
  EXPECT_EQ(directory->live(), 2u);
}

/// Processes that pass references on at random. The frames of each travel to the home in order,
/// those of different processes in any order.
TEST_F(HomeTableTest, RandomTrafficFreesEveryObjectOnceAndNoneInUse) {
  const auto seed = test_seed();
  SCOPED_TRACE("MPX_TEST_SEED=" + std::to_string(seed));
  Dice dice(seed);
  constexpr std::uint64_t kProcesses = 6;
  constexpr std::uint32_t kObjects = 60;
  struct Step {
    Kind kind;
    ObjectId id;
    ProcessId counter;
  };
  std::vector<std::vector<Step>> wire(kProcesses);  // on the way to the home
  std::vector<std::vector<ObjectId>> held(kProcesses);
  std::vector<Reference> flying;
  std::map<ObjectId, int> users;  // handles and flights, as the processes know
  const auto arrive = [&](std::uint64_t who) {
    const auto step = wire[who].front();
    wire[who].erase(wire[who].begin());
    send(step.kind, process(who), step.id, step.kind == Kind::create ? 1 : step.counter.value());
    for (const auto& [id, count] : users) {
      ASSERT_TRUE(count == 0 || log.freed[id] == 0) << to_string(id) << " was freed in use";
    }
  };
  const auto settle = [&] {
    for (std::uint64_t who = 0; who < kProcesses; ++who) {
      while (!wire[who].empty()) ASSERT_NO_FATAL_FAILURE(arrive(who));
    }
  };
  std::uint32_t made = 0;
  for (int event = 0; event < 5000; ++event) {
    const auto who = dice.below(kProcesses);
    switch (dice.below(5)) {
      case 0:
        if (made < kObjects) {
          const ObjectId id{0, made++, process(who)};
          wire[who].push_back({Kind::create, id, {}});
          ASSERT_NO_FATAL_FAILURE(settle());  // its maker waits for the answer
          held[who].push_back(id);
          users[id] = 1;
        }
        break;
      case 1:
        if (!held[who].empty()) {
          const auto id = dice.pick(held[who]);
          flying.push_back({id, process(who)});
          ++users[id];
          wire[who].push_back({Kind::add_ref, id, process(who)});
        }
        break;
      case 2:
        if (!flying.empty()) {
          std::swap(dice.pick(flying), flying.back());
          const auto [id, counter] = flying.back();
          flying.pop_back();
          if (dice.chance(0.8)) {
            wire[who].push_back({Kind::claim, id, counter});
            held[who].push_back(id);
          } else {
            wire[who].push_back({Kind::drop_flight, id, counter});
            --users[id];
          }
        }
        break;
      case 3:
        if (!held[who].empty()) {
          std::swap(dice.pick(held[who]), held[who].back());
          wire[who].push_back({Kind::drop, held[who].back(), {}});
          --users[held[who].back()];
          held[who].pop_back();
        }
        break;
      default:
        if (!wire[who].empty()) {
          ASSERT_NO_FATAL_FAILURE(arrive(who));
        }
    }
  }
  for (std::uint64_t who = 0; who < kProcesses; ++who) {
    for (const auto& id : held[who]) wire[who].push_back({Kind::drop, id, {}}), --users[id];
  }
  for (const auto& [id, counter] : flying)
    wire[0].push_back({Kind::drop_flight, id, counter}), --users[id];
  settle();
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(log.freed.size(), made);
  for (const auto& [id, count] : log.freed) EXPECT_EQ(count, 1) << to_string(id);
}

}  // namespace
}  // namespace mpx::detail
