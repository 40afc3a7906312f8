#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mpi.h>

#include <boost/mpi/communicator.hpp>
#include <fstream>
#include <mpx/mpi.hpp>
#include <mpx/mpx.hpp>
#include <numeric>
#include <optional>
#include <thread>

#include "ranks/session_support.hpp"

// A failed ASSERT would leave a test while the other ranks go on, and so hang: EXPECT only.

namespace {

using mpx_session_test::prepared;
using namespace std::chrono_literals;

int world_rank() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}
int world_size() {
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

template <class Action>
std::string usage_text(Action action) {
  try {
    action();
  } catch (const mpx::UsageError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

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

TEST(Session, TheHostsMessagesOnAllTagsAreItsOwn) {
  constexpr int kTurns = 200;
  mpx::Session session(MPI_COMM_WORLD);
  const int next = (session.rank().number() + 1) % session.size();
  const int previous = (session.rank().number() + session.size() - 1) % session.size();
  void* bound = nullptr;
  int has_bound = 0;
  MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &bound, &has_bound);
  const int most = *static_cast<int*>(bound);
  const mpx::Queue<int> queue(mpx::named("q"));
  for (int turn = 0; turn < kTurns; ++turn) {
    const int tag = turn < 20 ? turn : most - turn;
    const int sent = turn * 1000 + session.rank().number();
    int got = -1;
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Irecv(&got, 1, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &request);
    queue.put(turn);
    MPI_Send(&sent, 1, MPI_INT, next, tag, MPI_COMM_WORLD);
    queue.get();
    MPI_Status status;
    for (int there = 0; there == 0;) {
      MPI_Test(&request, &there, &status);
      session.progress();  // rank 0 serves while it waits
    }
    EXPECT_EQ(got, turn * 1000 + previous);
    EXPECT_EQ(status.MPI_TAG, tag);
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

void handler(MPI_Comm* /*communicator*/, int* /*code*/, ...) {}
int copies = 0, deletes = 0;
int on_copy(MPI_Comm, int, void*, void* in, void* out, int* flag) {
  ++copies;
  *static_cast<void**>(out) = in;
  *flag = 1;
  return MPI_SUCCESS;
}
int on_delete(MPI_Comm, int, void*, void*) {
  ++deletes;
  return MPI_SUCCESS;
}

TEST(Session, LeavesErrorHandlersAndAttributesAlone) {
  int key = MPI_KEYVAL_INVALID, value = 5;
  MPI_Errhandler own = MPI_ERRHANDLER_NULL, before = MPI_ERRHANDLER_NULL;
  MPI_Comm_get_errhandler(MPI_COMM_WORLD, &before);
  MPI_Comm_create_errhandler(handler, &own);
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, own);
  MPI_Comm_create_keyval(on_copy, on_delete, &key, nullptr);
  MPI_Comm_set_attr(MPI_COMM_WORLD, key, &value);
  const auto untouched = [&] {
    MPI_Errhandler now = MPI_ERRHANDLER_NULL;
    MPI_Comm_get_errhandler(MPI_COMM_WORLD, &now);
    void* found = nullptr;
    int has = 0;
    MPI_Comm_get_attr(MPI_COMM_WORLD, key, &found, &has);
    const bool same = now == own && has != 0 && found == &value;
    MPI_Errhandler_free(&now);
    return same;
  };
  {
    const mpx::Session session(MPI_COMM_WORLD);
    mpx::Queue<int> queue(mpx::named("q"));
    queue.put(1);
    queue.get();
    EXPECT_TRUE(untouched());
  }
  EXPECT_TRUE(untouched());
  EXPECT_EQ(copies, 0);
  EXPECT_EQ(deletes, 0);
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, before);
  MPI_Comm_delete_attr(MPI_COMM_WORLD, key);
  MPI_Comm_free_keyval(&key);
  MPI_Errhandler_free(&own);
  MPI_Errhandler_free(&before);
}

TEST(Session, StartsNoThread) {
  const auto threads = [] {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
      int count = 0;
      if (word == "Threads:" && status >> count) return count;
    }
    return -1;
  };
  const int before = threads();
  const mpx::Session session(MPI_COMM_WORLD);
  mpx::Queue<int> queue(mpx::named("q"));
  queue.put(1);
  queue.get();
  EXPECT_EQ(threads(), before);
}

TEST(Session, OtherThreadsAreRefusedWhereMpiForbidsThem) {
  int level = 0;
  MPI_Query_thread(&level);
  const mpx::Session session(MPI_COMM_WORLD);
  const mpx::Queue<int> queue(mpx::named("q" + std::to_string(world_rank())));
  std::string text;
  std::thread([&] { text = usage_text([&] { queue.put(1); }); }).join();
  EXPECT_EQ(text.find("another thread") != std::string::npos, level < MPI_THREAD_SERIALIZED)
      << text;
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
