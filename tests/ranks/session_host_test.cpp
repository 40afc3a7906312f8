// A Session beside the program that it is in: messages, error handlers, attributes, threads, time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mpi.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <mpx/mpi.hpp>
#include <mpx/mpx.hpp>
#include <mutex>
#include <optional>
#include <thread>

#include "endpoint/client.hpp"
#include "ranks/session_support.hpp"

// A failed ASSERT would leave a test while the other ranks go on, and so hang: EXPECT only.

namespace {

using mpx_session_test::thread_level;
using mpx_session_test::usage_text;
using mpx_session_test::world_rank;
using mpx_session_test::world_size;
using namespace std::chrono_literals;

/// Waits for the host's request, and lets libmpx serve others meanwhile.
MPI_Status wait_and_serve(mpx::Session& session, MPI_Request request) {
  MPI_Status status{};
  for (int done = 0; done == 0;) {
    MPI_Test(&request, &done, &status);
    session.progress();
    std::this_thread::yield();
  }
  return status;
}
void barrier_and_serve(mpx::Session& session) {
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Ibarrier(MPI_COMM_WORLD, &request);
  wait_and_serve(session, request);
}

TEST(SessionHost, TheHostsMessagesOnAllTagsAreItsOwn) {
  constexpr int kTurns = 60;
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
    const auto status = wait_and_serve(session, request);
    EXPECT_EQ(got, turn * 1000 + previous);
    EXPECT_EQ(status.MPI_TAG, tag);
  }
}

/// All the messages of the host's ring, received and probed with wildcards only.
void circulate(MPI_Comm communicator, int turns) {
  int rank = 0, size = 0;
  MPI_Comm_rank(communicator, &rank);
  MPI_Comm_size(communicator, &size);
  for (int turn = 0; turn < turns; ++turn) {
    const int sent = turn * 1000 + rank;
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Isend(&sent, 1, MPI_INT, (rank + 1) % size, turn, communicator, &request);
    MPI_Status status;
    MPI_Probe(MPI_ANY_SOURCE, MPI_ANY_TAG, communicator, &status);
    int bytes = 0, got = -1;
    MPI_Get_count(&status, MPI_BYTE, &bytes);
    EXPECT_EQ(bytes, static_cast<int>(sizeof got)) << "a message that is not the host's";
    MPI_Recv(&got, 1, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, communicator, &status);
    EXPECT_EQ(got, turn * 1000 + (rank + size - 1) % size);
    EXPECT_EQ(status.MPI_TAG, turn);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    int sum = 1;
    MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_INT, MPI_SUM, communicator);
    EXPECT_EQ(sum, size);
  }
}

TEST(SessionHost, HalfOfTheRanksMayDoPlainMpi) {
  MPI_Comm half = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, world_rank() % 2, 0, &half);
  if (world_rank() % 2 == 0) {
    circulate(half, 100);
  } else {
    const mpx::Session session(half);
    const mpx::Queue<int> queue(mpx::named("q"));
    const mpx::Lock lock(mpx::named("lock"));
    for (int i = 0; i < 100; ++i) {
      queue.put(i);
      const std::scoped_lock guard(lock);
      queue.get();
    }
  }
  circulate(MPI_COMM_WORLD, 20);
  MPI_Comm_free(&half);
}

TEST(SessionHost, WildcardsOnItsOwnCommunicatorSeeNothingOfIt) {
  mpx::Session session(MPI_COMM_WORLD);
  const mpx::Queue<std::string> queue(mpx::named("q"));
  for (int turn = 0; turn < 50; ++turn) {
    queue.put(std::string(turn % 2 == 0 ? 10 : 100'000, 'x'));
    int there = 0;
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &there, MPI_STATUS_IGNORE);
    EXPECT_EQ(there, 0);
    queue.get();
  }
  barrier_and_serve(session);
  circulate(MPI_COMM_WORLD, 20);
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

TEST(SessionHost, LeavesErrorHandlersAndAttributesAlone) {
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

TEST(SessionHost, LeavesASubcommunicatorAloneWhateverHappens) {
  MPI_Comm half = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, world_rank() % 2, 0, &half);
  int key = MPI_KEYVAL_INVALID, value = 7;
  MPI_Comm_create_keyval(on_copy, on_delete, &key, nullptr);
  for (const MPI_Comm communicator : {half, MPI_COMM_SELF})
    MPI_Comm_set_attr(communicator, key, &value);
  MPI_Comm_set_errhandler(half, MPI_ERRORS_RETURN);
  MPI_Comm_set_name(half, "half");
  copies = deletes = 0;
  const auto untouched = [&] {
    std::array<char, MPI_MAX_OBJECT_NAME> name{};
    int length = 0;
    MPI_Comm_get_name(half, name.data(), &length);
    MPI_Errhandler now = MPI_ERRHANDLER_NULL;
    MPI_Comm_get_errhandler(half, &now);
    bool same = now == MPI_ERRORS_RETURN && name.data() == std::string("half");
    for (const MPI_Comm communicator : {half, MPI_COMM_SELF}) {
      void* found = nullptr;
      int has = 0;
      MPI_Comm_get_attr(communicator, key, &found, &has);
      same = same && has != 0 && found == &value;
    }
    return same && copies == 0 && deletes == 0;
  };
  {
    const mpx::Session session(half);
    EXPECT_TRUE(untouched());
    EXPECT_THROW(mpx::Session second(half), mpx::UsageError);
    EXPECT_TRUE(untouched());
  }
  EXPECT_TRUE(untouched());
  MPI_Comm_delete_attr(MPI_COMM_SELF, key);
  MPI_Comm_free(&half);
  MPI_Comm_free_keyval(&key);
}

TEST(SessionHost, GoesOnWhereThereCanBeNoSession) {
  ::setenv("MPX_WORDS_PER_RANK", "1073741824", 1);  // 64 GiB a rank
  if (world_size() > 1) {                           // a lone rank's words are not shared memory
    EXPECT_THROW(mpx::Session session(MPI_COMM_WORLD), mpx::LaunchError);
  }
  ::unsetenv("MPX_WORDS_PER_RANK");
  circulate(MPI_COMM_WORLD, 20);
  const mpx::Session session(MPI_COMM_WORLD);
  const mpx::Queue<int> queue(mpx::named("q"));
  queue.put(1);
  EXPECT_EQ(queue.get(), 1);
}

TEST(SessionHost, StartsNoThread) {
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

TEST(SessionHost, OtherThreadsAreRefusedWhereMpiForbidsThem) {
  const mpx::Session session(MPI_COMM_WORLD);
  const mpx::Queue<int> queue(mpx::named("q" + std::to_string(world_rank())));
  std::string text;
  std::thread([&] { text = usage_text([&] { queue.put(1); }); }).join();
  EXPECT_EQ(text.find("another thread") != std::string::npos,
            thread_level() < MPI_THREAD_SERIALIZED)
      << text;
}

TEST(SessionHost, AnotherThreadMayUseItWhereMpiAllowsThat) {
  if (thread_level() < MPI_THREAD_SERIALIZED) GTEST_SKIP();
  const mpx::Session session(MPI_COMM_WORLD);
  const mpx::Queue<int> queue(mpx::named("q"));
  int sum = 0;
  std::thread([&] {
    for (int i = 0; i < 100; ++i) {
      queue.put(1);
      sum += queue.get();
    }
  }).join();
  EXPECT_EQ(sum, 100);
}

TEST(SessionHost, ItsEndEndsTheWaitOfAnotherThread) {
  if (thread_level() < MPI_THREAD_SERIALIZED) GTEST_SKIP();
  std::atomic<bool> waits = false;
  std::string text;
  std::thread thread;
  {
    const mpx::Session session(MPI_COMM_WORLD);
    thread = std::thread([&] {
      text = usage_text([&] {
        const mpx::Queue<int> queue;
        queue.put(1);
        waits = queue.get() == 1;
        queue.get();
      });
    });
    while (!waits) std::this_thread::yield();
  }
  thread.join();
  EXPECT_NE(text.find("has ended"), std::string::npos) << text;
}

TEST(SessionHost, AThreadMayUseMpiWhileAnotherUsesIt) {
  if (thread_level() < MPI_THREAD_MULTIPLE) GTEST_SKIP();
  mpx::Session session(MPI_COMM_WORLD);
  const mpx::Queue<int> queue(mpx::named("q"));
  std::atomic<bool> done = false;
  std::thread host([&] {
    circulate(MPI_COMM_WORLD, 20);
    done = true;
  });
  while (!done) {
    queue.put(1);
    EXPECT_EQ(queue.get(), 1);
    std::this_thread::yield();
  }
  host.join();
}

TEST(SessionHost, ALoopOfCallsThatNeverWaitServesToo) {
  const mpx::Session session(MPI_COMM_WORLD);
  const mpx::Queue<int> to_0(mpx::named("to rank 0"));  // both are on rank 0
  const mpx::Queue<int> from_0(mpx::named("from rank 0"));
  const mpx::Value<int> flag(mpx::named("flag"));
  if (world_rank() == world_size() - 1) to_0.put(1);
  if (world_rank() != 0) {
    from_0.get();
    flag.fetch_add(1);
    return;
  }
  while (!to_0.try_get()) std::this_thread::yield();
  for (int i = 1; i < world_size(); ++i) from_0.put(1);
  while (flag.load() != world_size() - 1) std::this_thread::yield();
}

TEST(SessionHost, ARankThatComputesDelaysOthersAndBreaksNothing) {
  constexpr int kTurns = 200;
  mpx::Session session(MPI_COMM_WORLD);
  // Both live on the last rank, which uses them first.
  std::optional<mpx::Lock> lock;
  std::optional<mpx::Value<int>> sum;
  const auto make = [&] {
    lock.emplace(mpx::named("lock"));
    sum.emplace(mpx::named("sum"));
  };
  if (world_rank() == world_size() - 1) make();
  barrier_and_serve(session);
  if (world_rank() != world_size() - 1) make();
  barrier_and_serve(session);
  if (world_rank() == world_size() - 1) {
    const auto end = std::chrono::steady_clock::now() + 2s;
    while (std::chrono::steady_clock::now() < end) {
    }
  }
  for (int turn = 0; turn < kTurns; ++turn) {
    const std::scoped_lock guard(*lock);
    sum->store(sum->load() + 1);
  }
  barrier_and_serve(session);
  EXPECT_EQ(sum->load(), kTurns * world_size());
}

TEST(SessionHost, NewObjectsLiveOnARankThatServes) {
  if (world_size() < 2) GTEST_SKIP();
  mpx::Session session(MPI_COMM_WORLD);
  if (world_rank() == 1) return session.serve();
  const auto client = mpx::detail::Client::current();
  while (client->placement().home_or(-1) < 0) session.progress();
  EXPECT_EQ(client->placement().home_or(-1), 1);
  // Rank 0 serves nobody from here on: with a home there, others would wait for it for ever.
  const int one = 1;
  if (world_rank() == 0) {
    for (int from = 2; from < world_size(); ++from) {
      int got = 0;
      MPI_Recv(&got, 1, MPI_INT, from, 9, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      EXPECT_EQ(got, one);
    }
  } else {
    const mpx::Queue<int> queue;
    queue.put(5);
    EXPECT_EQ(queue.get(), 5);
    const mpx::Value<int> value(3);
    EXPECT_EQ(value.fetch_add(1), 3);
    MPI_Send(&one, 1, MPI_INT, 0, 9, MPI_COMM_WORLD);
  }
}

}  // namespace
