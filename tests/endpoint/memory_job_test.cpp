#include "support/memory_job.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "mpx/mpx.hpp"
#include "support/homes.hpp"

namespace mpx::detail {
namespace {

using namespace std::chrono_literals;

/// Small frames held back and sources in random order: the network at its worst.
constexpr NetworkFaults kRough{.hold = 0.2, .shuffle = true, .seed = 3};

TEST(Runtime, SaysWhichRanksHaveNotAnsweredTheEndOfTheJob) {
  MemoryNetwork network(3, {"here", "there", "elsewhere"});
  const auto space = std::make_shared<MemoryWordSpace>(3, 16);
  const auto zero = network.transport(0), two = network.transport(2);
  MemoryWords words(space, 0);
  Runtime::Options options;
  options.transport = zero.get();
  options.words = &words;
  options.slots = {{"here", 0, 0}, {"there", 1, 0}, {"elsewhere", 1, 0}};
  Runtime runtime(std::move(options));
  StartRequest wanted;
  wanted.name = "slow";
  wanted.rank = 1;
  ProcessId id;
  Collected out;
  ASSERT_EQ(runtime.directory()->start(wanted, {}, nullptr, {}, id, out), "");
  runtime.begin_shutdown();
  EXPECT_FALSE(runtime.shut_down());
  EXPECT_EQ(runtime.shutdown_awaits(),
            "rank 1 on host there (it had to end its processes 'slow'), "
            "rank 2 on host elsewhere (none of its processes was alive)");
  FrameHeader done;
  done.kind = Kind::shutdown_done;
  done.from = ProcessId(2, 0);
  done.to = ProcessId(0, 0);
  two->send(0, make_frame(done, {}));
  two->flush();
  runtime.progress();
  EXPECT_EQ(runtime.shutdown_awaits(), "rank 1 on host there (it had to end its processes 'slow')");
}

TEST(MemoryJob, AHomeThatThrowsFailsItsCallerAndServesOn) {
  MemoryJob job(2);
  Queue<int> made;
  ObjectId object;
  job.as(0, [&] {
    made.put(1);
    object = encode(made).handles.at(0).object;
  });
  auto queues = handed_to_all(job, made);
  for (const int rank : {0, 1}) {
    job.as(rank, [&] {
      const auto client = Client::current();
      // A request that ends too soon; the second is not answered.
      EXPECT_THROW(client->calls().call(Kind::queue_get, object).check("get"), CodecError);
      const auto post = [&] { client->calls().post(Kind::queue_get, object); };
      if (rank == 0) {
        EXPECT_THROW(post(), CodecError);
      } else {
        EXPECT_NO_THROW(post());
      }
      at(queues, rank).put(2);
      EXPECT_EQ(at(queues, rank).get(), rank == 0 ? 1 : 2);
      EXPECT_EQ(at(queues, rank).size(), 1u);
    });
  }
}

TEST(MemoryJob, ProducersAndConsumersOnAllRanksLoseAndDoubleNothing) {
  constexpr int kRanks = 4, kItems = 1000;
  MemoryJob job(kRanks, kRough);
  for (const std::size_t capacity : {std::size_t{0}, std::size_t{3}}) {
    Queue<int> made(QueueOptions{.capacity = capacity});
    auto queues = handed_to_all(job, made);
    std::mutex mutex;
    std::multiset<int> got;  // guarded by mutex
    std::atomic<int> producing = 2;
    job.run([&](int rank) {
      const auto queue = at(queues, rank);
      if (rank % 2 == 0) {
        for (int i = 0; i < kItems; ++i) queue.put(rank * kItems + i);
        queue.flush();
        if (--producing == 0) queue.close();
        return;
      }
      int last[kRanks] = {-1, -1, -1, -1};
      try {
        while (true) {
          const auto item = queue.get();
          ASSERT_GT(item % kItems, last[item / kItems]) << "items of one producer overtook";
          last[item / kItems] = item % kItems;
          const std::lock_guard guard(mutex);
          got.insert(item);
        }
      } catch (const Closed&) {
      }
    });
    EXPECT_EQ(got.size(), std::size_t{2 * kItems});
    EXPECT_EQ(std::set<int>(got.begin(), got.end()).size(), std::size_t{2 * kItems});
  }
}

TEST(MemoryJob, TimedGetsAndPutsRaceWithWhatTheyWaitFor) {
  constexpr int kItems = 300;
  MemoryJob job(3, kRough);
  Queue<int> made(QueueOptions{.capacity = 2});
  auto queues = handed_to_all(job, made);
  std::atomic<int> got = 0, sum = 0;
  job.run([&](int rank) {
    const auto queue = at(queues, rank);
    if (rank == 0) {
      for (int i = 1; i <= kItems; ++i) {
        while (!queue.try_put_for(i, std::chrono::microseconds(i % 7 * 30))) {
        }
      }
      return;
    }
    for (int turn = rank; got < kItems; ++turn) {
      if (const auto item = queue.try_get_for(std::chrono::microseconds(turn % 5 * 40)))
        ++got, sum += *item;
    }
  });
  EXPECT_EQ(got, kItems);
  EXPECT_EQ(sum, kItems * (kItems + 1) / 2);
}

TEST(MemoryJob, ALockExcludesAllThreadsOfAllRanks) {
  constexpr int kRanks = 3, kThreads = 2, kTurns = 400;
  MemoryJob job(kRanks, kRough);
  Lock made;
  Value<long> made_value(0);
  auto locks = handed_to_all(job, made);
  auto values = handed_to_all(job, made_value);
  std::atomic<int> inside = 0;
  std::atomic<long> done = 0;
  job.run(
      [&](int rank) {
        const auto lock = at(locks, rank);
        const auto value = at(values, rank);
        for (int turn = 0; turn < kTurns; ++turn) {
          if (turn % 3 == 0) {
            lock.lock();
          } else if (turn % 3 == 1
                         ? !lock.try_lock()
                         : !lock.try_lock_for(std::chrono::microseconds(turn % 11 * 20))) {
            continue;
          }
          ASSERT_EQ(++inside, 1);
          value.store(value.load() + 1);
          ++done;
          --inside;
          lock.unlock();
        }
      },
      kThreads);
  job.as(0, [&] {
    EXPECT_EQ(made_value.load(), done);
    EXPECT_TRUE(made.try_lock()) << "the lock is free in the end";
    made.unlock();
    EXPECT_THROW(made.unlock(), UsageError);
  });
}

TEST(MemoryJob, ARecursiveLockBelongsToAThread) {
  constexpr int kTurns = 150;
  MemoryJob job(2, kRough);
  RecursiveLock made;
  auto locks = handed_to_all(job, made);
  std::atomic<int> inside = 0;
  job.run(
      [&](int rank) {
        const auto lock = at(locks, rank);
        for (int turn = 0; turn < kTurns; ++turn) {
          const std::scoped_lock outer(lock);
          const std::scoped_lock inner(lock);
          ASSERT_EQ(++inside, 1);
          --inside;
        }
      },
      2);
  job.as(1, [&] { EXPECT_THROW(at(locks, 1).unlock(), UsageError); });
}

struct Wide {
  long a = 0, b = 0, c = 0;
};

TEST(MemoryJob, AValueIsAtomicWhateverItsSize) {
  constexpr int kRanks = 3, kTurns = 300;
  MemoryJob job(kRanks, kRough);
  Value<long> made_long(0);
  Value<double> made_double(0);
  Value<Wide> made_wide(Wide{});
  auto longs = handed_to_all(job, made_long);
  auto doubles = handed_to_all(job, made_double);
  auto wides = handed_to_all(job, made_wide);
  job.run([&](int rank) {
    for (int turn = 0; turn < kTurns; ++turn) {
      at(longs, rank).fetch_add(1);
      at(doubles, rank).fetch_add(0.5);
      auto wide = at(wides, rank).load();
      while (!at(wides, rank).compare_exchange(wide, Wide{wide.a + 1, wide.b + 2, wide.c + 3})) {
      }
    }
  });
  job.as(0, [&] {
    EXPECT_EQ(made_long.load(), kRanks * kTurns);
    EXPECT_EQ(made_double.load(), 0.5 * kRanks * kTurns);
    EXPECT_EQ(made_wide.load().b, 2 * kRanks * kTurns);
    EXPECT_EQ(made_wide.load().c, 3 * kRanks * kTurns);
  });
}

// Who has received from an end and gives its copy up gives back the rest.
TEST(MemoryJob, AConnectionPassedOnTakesItsMessagesAlong) {
  MemoryJob job(2, kRough);
  Queue<Connection> made;
  auto posts = handed_to_all(job, made);
  job.run([&](int rank) {
    const auto post = at(posts, rank);
    if (rank == 0) {
      auto [a, b] = pipe();
      for (int i = 0; i < 10; ++i) a.send(i);
      ASSERT_EQ(b.recv<int>(), 0) << "this rank receives first: the rest lies here";
      post.put(b);
      b.close();
      for (int i = 10; i < 20; ++i) a.send(i);
      return;
    }
    const auto b = post.get();
    for (int i = 1; i < 20; ++i) ASSERT_EQ(b.recv<int>(), i);
    EXPECT_THROW(b.recv<int>(), Closed);
  });
}

TEST(MemoryJob, AQueueUsedThroughOneShortLivedHandleAfterTheOtherLosesNothing) {
  constexpr int kItems = 200;
  MemoryJob job(2);
  Queue<int> made;
  std::vector<Payload> letters;
  job.as(0, [&] {
    for (int i = 0; i < kItems; ++i) made.put(i);
    for (int i = 0; i < kItems; ++i) {
      letters.push_back(encode(made));
      count_references(letters.back());
    }
  });
  job.as(1, [&] {
    for (int i = 0; i < kItems;) {
      const auto queue = decode_value<Queue<int>>(letters[static_cast<std::size_t>(i)]);
      for (int n = 0; n < 30 && i < kItems; ++n, ++i) {
        ASSERT_EQ(queue.try_get_for(5s), i) << "what was handed ahead to the former handle";
      }
    }
  });
}

TEST(MemoryJob, HandlesThatWereMadePassedAndDroppedLeaveNothing) {
  constexpr int kRanks = 3;
  MemoryJob job(kRanks, kRough);
  const auto before_objects = job.objects(), before_words = job.words();
  {
    std::vector<Queue<Lock>> made(kRanks);
    std::vector<std::vector<Queue<Lock>>> rings;
    for (const auto& queue : made) rings.push_back(handed_to_all(job, queue));
    job.run([&](int rank) {
      const auto& out = rings[static_cast<std::size_t>(rank)][static_cast<std::size_t>(rank)];
      const auto& in =
          rings[static_cast<std::size_t>((rank + 1) % kRanks)][static_cast<std::size_t>(rank)];
      for (int round = 0; round < 300; ++round) {
        for (int i = 0; i < 10; ++i) {
          Lock lock;
          if (i % 2 == 0) lock.lock();
          out.put(lock);
          if (i % 2 == 0) lock.unlock();
        }
        for (int i = 0; i < 10; ++i) {
          const auto lock = in.get();
          if (i % 3 == 0) static_cast<void>(lock.try_lock());
        }
      }
    });
  }
  EXPECT_TRUE(job.settles([&] { return job.objects() == before_objects; }))
      << job.objects() << " objects are left";
  EXPECT_EQ(job.words(), before_words);
}

TEST(MemoryJob, AHundredThousandHandlesComeAndGoInOneRank) {
  MemoryJob job(1, {}, 64);
  job.as(0, [&] {
    auto [a, b] = pipe(simplex);
    for (int i = 0; i < 100'000; ++i) {
      const Value<int> value(i);
      b.send(value);
      EXPECT_EQ(a.recv<Value<int>>().load(), i);
    }
  });
  EXPECT_TRUE(job.settles([&] { return job.objects() == 0; }))
      << job.objects() << " objects are left";
  EXPECT_EQ(job.words(), 0u);
}

TEST(MemoryJob, ItsEndEndsTheWaitsOfThreadsThatAreStillInIt) {
  for (int round = 0; round < 50; ++round) {
    constexpr int kThreads = 3;
    std::atomic<int> waiting = 0, told = 0;
    std::vector<std::thread> threads;
    auto job = std::make_unique<MemoryJob>(2);
    std::optional<Queue<int>> queue;
    job->as(0, [&] { queue.emplace(); });
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, client = job->client(0), queue = *queue] {
        Client::set_current_of_thread(client);
        ++waiting;
        try {
          static_cast<void>(queue.get());
        } catch (const UsageError&) {
          ++told;
        }
        Client::set_current_of_thread(nullptr);
      });
    }
    while (waiting < kThreads) std::this_thread::yield();
    if (round % 2 == 0) std::this_thread::sleep_for(1ms);  // asleep perhaps
    queue.reset();
    job.reset();
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(told, kThreads);
  }
}

TEST(MemoryJob, CloseEndsWaitingGettersOfAllRanks) {
  MemoryJob job(3);
  Queue<int> made;
  auto queues = handed_to_all(job, made);
  job.run([&](int rank) {
    const auto queue = at(queues, rank);
    if (rank == 0) return queue.close();
    EXPECT_THROW(queue.get(), Closed);
    EXPECT_THROW(queue.put(1), Closed);
  });
}

}  // namespace
}  // namespace mpx::detail
