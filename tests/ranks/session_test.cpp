#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mpi.h>

#include <boost/mpi/communicator.hpp>
#include <mpx/mpi.hpp>
#include <mpx/mpx.hpp>
#include <numeric>
#include <optional>
#include <thread>

#include "ranks/session_support.hpp"

// A failed ASSERT would leave a test while the other ranks go on, and so hang: EXPECT only.

namespace {

using mpx_session_test::prepared;
using mpx_session_test::usage_text;
using mpx_session_test::world_rank;
using mpx_session_test::world_size;
using namespace std::chrono_literals;

TEST(Session, KnowsItsRanks) {
  const mpx::Session session(MPI_COMM_WORLD);
  EXPECT_EQ(session.rank(), world_rank());
  EXPECT_EQ(session.size(), world_size());
  EXPECT_EQ(mpx::current_process().rank, world_rank());
}

TEST(Session, RanksMeetInNamedObjects) {
  constexpr int kItems = 500;
  const mpx::Session session(MPI_COMM_WORLD);
  const mpx::Queue<int> queue(mpx::named("items"));
  const mpx::Lock lock(mpx::named("lock"));
  const mpx::Value<int> sum(mpx::named("sum"));
  if (session.rank() == 0) {
    for (int i = 1; i <= kItems; ++i) queue.put(i);
    queue.close();
  }
  try {
    while (true) {
      const int item = queue.get();
      const std::scoped_lock guard(lock);
      sum.store(sum.load() + item);
    }
  } catch (const mpx::Closed&) {
  }
  mpx::Queue<int> done(mpx::named("done"));
  done.put(session.rank().number());
  if (session.rank() != 0) return;
  std::vector<int> ranks;
  for (int i = 0; i < session.size(); ++i) ranks.push_back(done.get());
  EXPECT_EQ(sum.load(), kItems * (kItems + 1) / 2);
  EXPECT_EQ(std::accumulate(ranks.begin(), ranks.end(), 0),
            session.size() * (session.size() - 1) / 2);
}

TEST(Session, PipesGoFromRankToRank) {
  const mpx::Session session(MPI_COMM_WORLD);
  const mpx::Queue<mpx::Connection> ends(mpx::named("ends"));
  if (session.rank() != 0) {
    const auto end = ends.get();
    while (true) {
      const auto text = end.recv<std::string>();
      end.send(text);
      if (text.empty()) return;
    }
  }
  std::vector<mpx::Connection> links;
  for (int rank = 1; rank < session.size(); ++rank) {
    auto [near, far] = mpx::pipe();
    ends.put(far);
    links.push_back(near);
  }
  for (const std::size_t size : {1u, 100u, 20'000u, 3'000'000u, 0u}) {
    const std::string text(size, 'x');
    for (const auto& link : links) link.send(text);
    for (const auto& link : links) EXPECT_EQ(link.recv<std::string>(), text);
  }
}

TEST(Session, ServeEndsWithTheSessionOfRankZero) {
  mpx::Session session(MPI_COMM_WORLD);
  if (session.rank() == 0) {
    EXPECT_THAT(usage_text([&] { session.serve(); }), testing::HasSubstr("serve() on rank 0"));
    std::this_thread::sleep_for(20ms);
    return;
  }
  session.serve();
  session.serve();  // at once
  session.progress();
}

TEST(Session, WhoComesToItsEndFirstServesOn) {
  const mpx::Session session(MPI_COMM_WORLD);
  const mpx::Queue<mpx::Value<int>> post(mpx::named("post"));
  const mpx::Queue<int> here(mpx::named("at the last rank"),
                             {.home = mpx::Rank(session.size() - 1)});
  if (session.rank() == session.size() - 1) post.put(mpx::Value<int>(42));
  if (session.rank() != 0) return;
  EXPECT_EQ(post.get().load(), 42);
  for (int i = 0; i < 100; ++i) here.put(i);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(here.get(), i);
}

TEST(Session, RankZeroMayComeToItsEndFirst) {
  const mpx::Session session(MPI_COMM_WORLD);
  const mpx::Queue<int> queue(mpx::named("home on rank 0"));
  if (session.rank() == 0) return;
  std::this_thread::sleep_for(10ms);
  for (int i = 0; i < 100; ++i) queue.put(i);
  for (int i = 0; i < 100; ++i) queue.get();
}

TEST(Session, ProgressServesOthersWhileARankComputes) {
  mpx::Session session(MPI_COMM_WORLD);
  const mpx::Queue<int> queue(mpx::named("q"));  // on rank 0
  int done = 0;
  if (session.rank() != 0) {
    for (int i = 0; i < 50; ++i) queue.put(i), queue.get();
    const int one = 1;
    MPI_Send(&one, 1, MPI_INT, 0, 3, MPI_COMM_WORLD);
    return;
  }
  while (done < session.size() - 1) {
    int there = 0;
    MPI_Iprobe(MPI_ANY_SOURCE, 3, MPI_COMM_WORLD, &there, MPI_STATUS_IGNORE);
    if (there != 0) {
      int one = 0;
      MPI_Recv(&one, 1, MPI_INT, MPI_ANY_SOURCE, 3, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      done += one;
    }
    session.progress();
  }
}

TEST(Session, WorksOnASubcommunicator) {
  MPI_Comm half = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, world_rank() % 2, -world_rank(), &half);
  int rank = 0, size = 0;
  MPI_Comm_rank(half, &rank);
  MPI_Comm_size(half, &size);
  {
    const mpx::Session session(boost::mpi::communicator(half, boost::mpi::comm_attach));
    EXPECT_EQ(session.rank(), rank);
    EXPECT_EQ(session.size(), size);
    const mpx::Queue<int> queue(mpx::named("parity"));
    queue.put(world_rank() % 2);
    EXPECT_EQ(queue.get(), world_rank() % 2) << "the two halves are two jobs";
  }
  MPI_Comm_free(&half);
}

TEST(Session, OneMayFollowTheOther) {
  for (int turn = 0; turn < 20; ++turn) {
    const mpx::Session session(MPI_COMM_WORLD);
    const mpx::Queue<int> queue(mpx::named("q"));
    // Unasked, and so perhaps still under way when the others have come to their end.
    for (int i = 0; i < 100; ++i) queue.put(turn);
    EXPECT_EQ(queue.get(), turn) << "nothing of the Session before";
  }
}

TEST(Session, HandlesEndWithIt) {
  mpx::Queue<int> left;
  mpx::Queue<int> fresh;
  {
    const mpx::Session session(MPI_COMM_WORLD);
    left.put(1);
  }
  EXPECT_THROW(left.put(2), mpx::UsageError);
  EXPECT_THROW(fresh.put(1), mpx::UsageError) << "there is none now";
  const mpx::Session session(MPI_COMM_WORLD);
  EXPECT_THROW(left.put(2), mpx::UsageError) << "it was an object of the first Session";
  fresh.put(1);
  EXPECT_EQ(fresh.get(), 1);
}

TEST(Session, OnlyOneAtATimeAndNoRunBeside) {
  EXPECT_THROW(mpx::Session(MPI_COMM_NULL), mpx::UsageError);
  const mpx::Session session(MPI_COMM_WORLD);
  EXPECT_THAT(usage_text([] { mpx::Session second(MPI_COMM_WORLD); }),
              testing::HasSubstr("another Session is active"));
  EXPECT_THAT(usage_text([] { mpx::prepare(); }), prepared
                                                      ? testing::HasSubstr("nothing was thrown")
                                                      : testing::HasSubstr("after MPI_Init"));
  mpx::Queue<int> queue(mpx::named("still works"));
  queue.put(1);
  EXPECT_EQ(queue.get(), 1);
}

TEST(Session, OneRankThatCannotTakePartIsToldToAll) {
  MPI_Comm self = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, world_rank(), 0, &self);
  {
    std::optional<mpx::Session> alone;
    if (world_rank() == world_size() - 1) alone.emplace(self);
    EXPECT_THAT(usage_text([] { mpx::Session all(MPI_COMM_WORLD); }),
                testing::HasSubstr("on rank " + std::to_string(world_size() - 1)));
  }
  const mpx::Session all(MPI_COMM_WORLD);
  EXPECT_EQ(all.size(), world_size());
  MPI_Comm_free(&self);
}

TEST(Session, WithoutPrepareThereAreNoProcesses) {
  if (prepared) GTEST_SKIP();
  const mpx::Session session(MPI_COMM_WORLD);
  mpx::Process process([] {});
  EXPECT_THAT(usage_text([&] { process.start(); }), testing::HasSubstr("mpx::prepare()"));
  mpx::Pool pool(1);
  EXPECT_THROW(pool.apply([] { return 1; }), mpx::Error);
}

TEST(Session, PreparedItRunsProcessesAndPools) {
  if (!prepared) GTEST_SKIP();
  for (int turn = 0; turn < 2; ++turn) {
    mpx::Session session(MPI_COMM_WORLD);
    const mpx::Queue<int> queue(mpx::named("from processes"));
    mpx::Process process([](int rank) { mpx::Queue<int>(mpx::named("from processes")).put(rank); },
                         session.rank().number());
    process.start();
    process.join();
    EXPECT_EQ(process.exit_code(), 0);
    if (session.rank() != 0) {
      session.serve();
      continue;
    }
    int sum = 0;
    for (int i = 0; i < session.size(); ++i) sum += queue.get();
    EXPECT_EQ(sum, session.size() * (session.size() - 1) / 2);
    mpx::Pool pool(2);
    std::vector<int> numbers(100);
    std::iota(numbers.begin(), numbers.end(), 0);
    const auto squares = pool.map([](int x) { return x * x; }, numbers);
    EXPECT_EQ(squares[99], 99 * 99);
    // Left running: a process that is joined, and a daemon that is ended.
    mpx::Process last([] { std::this_thread::sleep_for(30ms); });
    last.start();
    mpx::Process daemon(mpx::ProcessOptions{.daemon = true},
                        [] { std::this_thread::sleep_for(1000s); });
    daemon.start();
  }
}

}  // namespace
