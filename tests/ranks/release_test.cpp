// Release order: what was written before an unlock is there for the next holder, whichever rank the
// words live on and whatever carries them. MPX_TEST_HANDOVERS is how often the lock changes hands.

#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <mpx/mpi.hpp>
#include <mpx/mpx.hpp>
#include <optional>
#include <string>
#include <vector>

#include "ranks/session_support.hpp"

namespace {

long handovers_wanted() {
  const char* text = std::getenv("MPX_TEST_HANDOVERS");
  return text != nullptr ? std::atol(text) : 10'000;
}

/// Over 8 bytes, so in its home's memory.
struct Record {
  long turn = 0;
  long handovers = 0;
  int holder = -1;
  std::array<long, 3> copies{};
};

/// What the holders of one lock write, each thing at another rank if there are as many.
struct Shared {
  mpx::Lock lock;
  mpx::Value<long> near, far;
  mpx::Value<Record> record;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& lock& near& far& record;
  }
};

/// Takes turns until the lock has changed hands so often; returns what was seen wrong.
std::string take_turns(const Shared& shared, int me, long wanted) {
  while (true) {
    const std::scoped_lock guard(shared.lock);
    auto record = shared.record.load();
    const long near = shared.near.load();
    const long far = shared.far.load();
    if (near != record.turn || far != record.turn || record.copies[2] != record.turn) {
      return "after turn " + std::to_string(record.turn) + " of " + std::to_string(record.holder) +
             ", " + std::to_string(me) + " reads " + std::to_string(near) + " and " +
             std::to_string(far);
    }
    if (record.handovers >= wanted) return {};
    if (record.holder != me) ++record.handovers;
    record.holder = me;
    record.copies.fill(++record.turn);
    shared.near.store(record.turn);
    shared.record.store(record);
    shared.far.store(record.turn);
  }
}

/// The objects of one test: the lock lives on rank 0, the others on the ranks after it.
Shared meet(const mpx::Session& session, const std::string& name) {
  const mpx::Queue<int> made(mpx::named(name + " made")), go(mpx::named(name + " go"));
  const int rank = session.rank().number(), size = session.size();
  std::optional<mpx::Lock> lock;
  std::optional<mpx::Value<long>> near, far;
  std::optional<mpx::Value<Record>> record;
  for (int turn = 0; turn < 2; ++turn) {  // who shall have it makes it first
    if (turn == 1 || rank == 0) lock.emplace(mpx::named(name + " lock"));
    if (turn == 1 || rank == 0) near.emplace(mpx::named(name + " near"));
    if (turn == 1 || rank == size - 1) far.emplace(mpx::named(name + " far"));
    if (turn == 1 || rank == 1 % size) record.emplace(mpx::named(name + " record"));
    if (turn == 1) break;
    made.put(rank);
    for (int i = 0; rank == 0 && i < size; ++i) made.get();
    for (int i = 0; rank == 0 && i < size; ++i) go.put(i);
    go.get();
  }
  return {*lock, *near, *far, *record};
}

void report(const char* between, const Shared& shared) {
  const auto record = shared.record.load();
  std::cout << between << ": " << record.handovers << " hand-overs in " << record.turn
            << " turns, each write seen\n";
  EXPECT_EQ(record.handovers, handovers_wanted());
}

TEST(Release, AWriteBeforeUnlockIsSeenByTheNextRank) {
  mpx::Session session(MPI_COMM_WORLD);
  const auto shared = meet(session, "ranks");
  const mpx::Queue<int> done(mpx::named("done"));
  EXPECT_EQ(take_turns(shared, session.rank().number(), handovers_wanted()), "");
  done.put(1);
  if (session.rank() != 0) return session.serve();
  for (int i = 0; i < session.size(); ++i) done.get();
  report("ranks", shared);
}

TEST(Release, AWriteBeforeUnlockIsSeenByTheNextProcess) {
  if (!mpx_session_test::prepared) GTEST_SKIP();
  mpx::Session session(MPI_COMM_WORLD);
  const auto shared = meet(session, "processes");
  if (session.rank() != 0) return session.serve();
  std::vector<mpx::Process> processes;
  const mpx::Queue<std::string> results;
  for (int i = 0; i < std::max(session.size(), 2); ++i) {
    processes.emplace_back(
        mpx::ProcessOptions{.rank = mpx::Rank(i % session.size())},
        [](Shared all, int me, long wanted, mpx::Queue<std::string> out) {
          out.put(take_turns(all, me, wanted));
        },
        shared, 100 + i, handovers_wanted(), results);
    processes.back().start();
  }
  for (std::size_t i = 0; i < processes.size(); ++i) EXPECT_EQ(results.get(), "");
  for (const auto& process : processes) process.join();
  report("processes", shared);
}

}  // namespace
