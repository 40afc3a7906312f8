#include "homes/directory.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <map>

#include "support/homes.hpp"

namespace mpx::detail {
namespace {

struct DirectoryTest : testing::Test {
  static std::unique_ptr<Directory> of(std::vector<Directory::RankSlots> ranks) {
    return std::make_unique<Directory>(std::move(ranks));
  }
  std::unique_ptr<Directory> directory =
      of({{"alpha", 0, 0}, {"alpha", 2, 0}, {"beta", 2, 0}, {"beta", 4, 0}});
  Collected out;
  const ProcessId main{0, 0};

  /// Starts a process and returns it; its trouble is in `trouble`.
  ProcessId start(StartRequest wanted = {}) {
    wanted.parent = wanted.parent == ProcessId{} ? main : wanted.parent;
    ProcessId id;
    trouble = directory->start(std::move(wanted), object, nullptr, {}, id, out);
    return id;
  }
  void end(ProcessId who, int exit_code = 0) {
    directory->on_ended(who, facts_of(who, exit_code), out);
  }
  /// Signals sent to `who`, taken out.
  std::vector<int> signals(ProcessId who) {
    std::vector<int> all;
    while (auto frame = out.pop(Kind::signal, who))
      all.push_back(Unpacker(frame->body).get<std::int32_t>());
    return all;
  }
  static StartRequest child_of(ProcessId parent, bool daemon = false) {
    StartRequest wanted;
    wanted.parent = parent;
    wanted.daemon = daemon ? 1 : 0;
    return wanted;
  }
  std::string trouble;
  ObjectId object;
};

TEST_F(DirectoryTest, SlotsOfTheJobAreCountedAtLeastOne) {
  EXPECT_EQ(directory->slot_count(), 8u);
  EXPECT_EQ(Directory({{"alpha", 0, 0}}).slot_count(), 1u);
}

TEST_F(DirectoryTest, ProcessesGoToTheLeastLoadedRankWithAFreeSlot) {
  std::map<int, int> placed;
  for (int i = 0; i < 8; ++i) ++placed[start().rank().number()];
  EXPECT_EQ(placed, (std::map<int, int>{{1, 2}, {2, 2}, {3, 4}}));
}

TEST_F(DirectoryTest, ARankThatIsNotPreparedStartsNothing) {
  directory = of({{"alpha", 0, 0, false}, {"alpha", 0, 0, true}, {"beta", 0, 0, false}});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(start().rank(), 1);
  StartRequest there;
  there.name = "p";
  there.rank = 2;
  start(there);
  EXPECT_EQ(trouble,
            "cannot start process 'p' on rank 2: mpx::prepare() was not called there "
            "before MPI_Init");
  directory = of({{"alpha", 0, 0, false}});
  there.rank = -1;
  start(there);
  EXPECT_EQ(trouble,
            "cannot start process 'p' on any rank: mpx::prepare() was not called there "
            "before MPI_Init");
  EXPECT_EQ(out.count(Kind::spawn), 3u);
}

TEST_F(DirectoryTest, MoreProcessesThanSlotsAreSpreadInProportion) {
  std::map<int, int> placed;
  for (int i = 0; i < 24; ++i) ++placed[start().rank().number()];
  EXPECT_EQ(placed, (std::map<int, int>{{1, 6}, {2, 6}, {3, 12}}));
}

// One look at every rank for each start would take minutes.
TEST_F(DirectoryTest, AStartCostsTheSameHoweverManyRanksThereAre) {
  constexpr std::size_t kRanks = 8'000;
  directory = of(std::vector<Directory::RankSlots>(kRanks, {"alpha", 2, 0}));
  StartRequest there;
  there.host = "alpha";
  std::vector<int> placed(kRanks);
  for (std::size_t i = 0; i < 4 * kRanks; ++i) {
    const auto id = start(i % 2 == 0 ? StartRequest() : there);
    ++placed[static_cast<std::size_t>(id.rank().number())];
    out.frames.clear();
  }
  EXPECT_EQ(placed, std::vector<int>(kRanks, 4));
}

TEST_F(DirectoryTest, AnEndedProcessFreesItsSlot) {
  std::vector<ProcessId> all;
  for (int i = 0; i < 8; ++i) all.push_back(start());
  end(all[5]);
  EXPECT_EQ(start().rank(), all[5].rank());
}

TEST_F(DirectoryTest, ARankOrAHostCanBeAskedFor) {
  StartRequest on_rank, on_host;
  on_rank.rank = 0;
  on_host.host = "beta";
  EXPECT_EQ(start(on_rank).rank().number(), 0) << "also where there is no slot";
  for (int i = 0; i < 10; ++i) EXPECT_GE(start(on_host).rank().number(), 2);
  on_host.rank = 3;
  EXPECT_EQ(start(on_host).rank().number(), 3);
  EXPECT_EQ(trouble, "");
}

TEST_F(DirectoryTest, APlaceThatDoesNotExistIsNamed) {
  StartRequest wanted;
  wanted.name = "worker";
  wanted.rank = 4;
  start(wanted);
  EXPECT_EQ(trouble, "cannot start process 'worker' on rank 4: the job has ranks 0 to 3");
  wanted.rank = -2;
  start(wanted);
  EXPECT_EQ(trouble, "cannot start process 'worker' on rank -2: the job has ranks 0 to 3");
  wanted.rank = -1;
  wanted.host = "gamma";
  start(wanted);
  EXPECT_EQ(trouble,
            "cannot start process 'worker' on host 'gamma': no rank is there; the hosts of this "
            "job are alpha, beta");
  wanted.rank = 1;
  wanted.host = "beta";
  start(wanted);
  EXPECT_EQ(
      trouble,
      "cannot start process 'worker' on rank 1 and on host 'beta': that rank is on host 'alpha'");
  EXPECT_EQ(directory->live(), 0u);
  EXPECT_TRUE(out.frames.empty());
}

TEST_F(DirectoryTest, ARefusedCallGivesItsHandlesBack) {
  StartRequest wanted;
  wanted.rank = 9;
  wanted.parent = main;
  ProcessId id;
  EXPECT_NE(
      directory->start(wanted, {}, nullptr, text_payload("x", {ObjectId{0, 1, main}}), id, out),
      "");
  EXPECT_EQ(out.count(Kind::drop_flight), 1u);
}

TEST_F(DirectoryTest, TheWorkerGetsTheRequestAndTheCall) {
  StartRequest wanted;
  wanted.parent = main;
  ProcessId id;
  ASSERT_EQ(
      directory->start(wanted, {}, nullptr, text_payload("call", {ObjectId{0, 1, main}}), id, out),
      "");
  auto frame = out.pop(Kind::spawn);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->header.to, id);
  const auto payload = take_payload(std::move(*frame));
  Unpacker in(payload.bytes);
  const auto sent = in.get<StartRequest>();
  EXPECT_NE(sent.name, "") << "a process without a name is given one";
  EXPECT_EQ(sent.cpu_count, 8u);
  EXPECT_EQ(text_of(in.rest()), "call");
  EXPECT_EQ(payload.handles.size(), 1u);
}

TEST_F(DirectoryTest, ALiveProcessHoldsItsOwnObject) {
  object = {0, 5, main};
  const auto id = start();
  const auto frames = out.take();
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[1].header.kind, Kind::add_ref);
  EXPECT_EQ(frames[2].header.kind, Kind::claim);
  EXPECT_EQ(frames[2].header.from, id);
}

TEST_F(DirectoryTest, IdsAreNeverUsedAgain) {
  std::map<ProcessId, int> seen;
  for (int i = 0; i < 100; ++i) {
    const auto id = start();
    EXPECT_EQ(++seen[id], 1);
    EXPECT_FALSE(id.is_rank());
    end(id);
  }
  EXPECT_EQ(directory->live(), 0u);
}

TEST_F(DirectoryTest, ADaemonMayNotHaveChildren) {
  const auto daemon = start(child_of(main, true));
  start(child_of(daemon));
  EXPECT_NE(trouble.find("daemons may not have children"), std::string::npos) << trouble;
  const auto other = start(child_of(main));
  start(child_of(other));
  EXPECT_EQ(trouble, "");
}

TEST_F(DirectoryTest, ADaemonIsEndedWithItsParent) {
  const auto parent = start();
  const auto daemon = start(child_of(parent, true)), child = start(child_of(parent));
  end(parent, -9);
  EXPECT_EQ(signals(daemon), std::vector{SIGKILL});
  EXPECT_EQ(signals(child), std::vector<int>{}) << "only daemons";
}

TEST_F(DirectoryTest, AwaitChildrenEndsDaemonsAndWaitsForTheOthers) {
  const auto parent = start();
  const auto daemon = start(child_of(parent, true)), child = start(child_of(parent));
  directory->on(request(Kind::await_children, parent, 1), {}, out);
  EXPECT_EQ(signals(daemon), std::vector{SIGTERM});
  EXPECT_EQ(out.answer(parent, 1), std::nullopt);
  end(child);
  EXPECT_EQ(out.answer(parent, 1), Status::ok);
  directory->on(request(Kind::await_children, parent, 2), {}, out);
  EXPECT_EQ(out.answer(parent, 2), Status::ok) << "no child is left";
}

TEST_F(DirectoryTest, WhoeverDiesWhileItAwaitsIsForgotten) {
  const auto parent = start(), child = start(child_of(parent));
  directory->on(request(Kind::await_children, parent, 1), {}, out);
  end(parent, -9);
  end(child);
  EXPECT_EQ(out.answer(parent, 1), std::nullopt);
}

TEST_F(DirectoryTest, ListsTheLiveChildrenWithAReferenceForEach) {
  object = {0, 1, main};
  const auto first = start();
  object.serial = 2;
  const auto second = start();
  object = {};
  start();  // without an object, as a pool's
  end(first);
  out.take();
  directory->on(request(Kind::list_children, main, 1), {}, out);
  EXPECT_EQ(out.count(Kind::add_ref), 1u);
  const auto list = take_payload(std::move(*out.pop(Kind::reply, main)));
  EXPECT_EQ(list.handles, (std::vector{Reference{{0, 2, main}, ProcessId::homes_of(0)}}));
  EXPECT_EQ(directory->live(), 2u);
  end(second);
}

TEST_F(DirectoryTest, SignalsReachLiveProcessesOnly) {
  const auto id = start();
  directory->signal(id, SIGUSR1, out);
  EXPECT_EQ(signals(id), std::vector{SIGUSR1});
  end(id);
  end(id);  // told twice: nothing
  directory->signal(id, SIGUSR1, out);
  EXPECT_EQ(signals(id), std::vector<int>{});
}

TEST_F(DirectoryTest, WhatLivesOnlyForAProcessEndsBeforeIt) {
  struct Attending : Directory::Observer {
    void on_spawned(ProcessId, const ProcessFacts&, Outbox&) override {}
    void on_process_ended(ProcessId, const ProcessFacts&, Outbox&) override {}
    void on_leaving(Outbox&) override { ++told; }
    int told = 0;
  } first, second;
  const auto owner = start(), other = start(), child = start(child_of(owner));
  const ObjectId one{0, 1, owner}, two{0, 2, owner};
  directory->attend(owner, one, &first);
  directory->attend(owner, two, &second);
  directory->on(request(Kind::await_children, other, 1), {}, out);
  EXPECT_EQ(first.told, 0);
  directory->attend_no_more(owner, two);
  directory->on(request(Kind::await_children, owner, 2), {}, out);
  EXPECT_EQ(first.told, 1);
  EXPECT_EQ(second.told, 0);
  end(child);
  EXPECT_EQ(out.answer(owner, 2), Status::ok) << "they are no children";
  end(owner);
  directory->attend_no_more(owner, one);  // its home is told the death in another way
  EXPECT_EQ(first.told, 1);
}

TEST_F(DirectoryTest, ARequestThatItDoesNotKnowIsRefused) {
  directory->on(request(Kind::queue_put, main, 3), text_payload("x", {ObjectId{0, 1, main}}), out);
  EXPECT_EQ(out.answer(main, 3), Status::usage);
  EXPECT_EQ(out.count(Kind::drop_flight), 1u);
}

// Quadratic, it would take minutes.
TEST_F(DirectoryTest, AnEndCostsTheSameHoweverManyProcessesLiveAndAreAwaited) {
  constexpr std::uint64_t kParents = 50'000;
  std::vector<std::pair<ProcessId, ProcessId>> families;
  for (std::uint64_t i = 0; i < kParents; ++i) {
    const auto parent = start(), child = start(child_of(parent));
    families.emplace_back(parent, child);
    directory->on(request(Kind::await_children, parent, i + 1), {}, out);
  }
  out.take();
  for (const auto& [parent, child] : families) end(child, -9);
  EXPECT_EQ(out.count(Kind::reply), kParents);
  for (const auto& [parent, child] : families) end(parent);
  EXPECT_EQ(directory->live(), 0u);
}

/// Starts, ends and awaits at random; the loads add up and everyone who awaits is answered.
TEST_F(DirectoryTest, RandomEventsKeepTheLoads) {
  const auto seed = test_seed();
  SCOPED_TRACE("MPX_TEST_SEED=" + std::to_string(seed));
  Dice dice(seed);
  struct Live {
    ProcessId id, parent;
    bool daemon;
  };
  std::vector<Live> live;
  std::map<std::uint64_t, ProcessId> awaiting;
  std::uint64_t next_call = 1;
  const auto collect = [&] {
    for (const auto& frame : out.take()) {
      if (frame.header.kind != Kind::reply) continue;
      const auto found = awaiting.find(frame.header.call);
      ASSERT_NE(found, awaiting.end());
      for (const auto& one : live)
        ASSERT_TRUE(one.daemon || one.parent != found->second) << "answered too early";
      awaiting.erase(found);
    }
  };
  for (int event = 0; event < 5000; ++event) {
    const auto action = dice.below(10);
    if (action < 5 && live.size() < 40) {
      const auto parent =
          live.empty() || dice.chance(0.3) ? Live{main, {}, false} : dice.pick(live);
      const bool daemon = dice.chance(0.3);
      const auto id = start(child_of(parent.id, daemon));
      ASSERT_EQ(trouble.empty(), !parent.daemon);
      if (trouble.empty()) live.push_back({id, parent.id, daemon});
    } else if (action < 9 && !live.empty()) {
      std::swap(dice.pick(live), live.back());
      const auto dead = live.back();
      live.pop_back();
      std::erase_if(awaiting, [&](const auto& entry) { return entry.second == dead.id; });
      end(dead.id, -9);
    } else if (!live.empty()) {
      const auto who = dice.pick(live).id;
      awaiting[next_call] = who;
      directory->on(request(Kind::await_children, who, next_call++), {}, out);
    }
    ASSERT_NO_FATAL_FAILURE(collect());
    ASSERT_EQ(directory->live(), live.size());
    std::size_t loads = 0;
    for (const auto& rank : directory->ranks()) loads += rank.live;
    ASSERT_EQ(loads, live.size());
    for (const auto& [call, who] : awaiting) {
      ASSERT_TRUE(std::any_of(live.begin(), live.end(), [who = who](const Live& one) {
        return !one.daemon && one.parent == who;
      })) << "somebody awaits children that it has not";
    }
  }
}

}  // namespace
}  // namespace mpx::detail
