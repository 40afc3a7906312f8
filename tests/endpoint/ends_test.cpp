// What users of a queue or a pipe learn of those at its other side, and handles whose value is gone
// before it is sent.

#include <gtest/gtest.h>

#include <atomic>

#include "support/memory_job.hpp"

namespace mpx::detail {
namespace {

using namespace std::chrono_literals;

// Cost: in the headers.
constexpr int kBound = static_cast<int>(SendWindow::kMost);

/// How often `step` can be called before it throws Closed.
template <class Step>
int calls_until_closed(Step step) {
  for (int calls = 0; calls <= kBound; ++calls) {
    try {
      step(calls);
    } catch (const Closed&) {
      return calls;
    }
  }
  return kBound + 1;
}

TEST(Ends, WhoSendsToAClosedEndLearnsOfIt) {
  MemoryJob job(2);
  std::pair<Connection, Connection> made;
  job.as(1, [&] { made = pipe(simplex); });
  auto senders = handed_to_all(job, made.second, 1);
  job.as(0, [&] {
    at(senders, 0).send(1);
    made.first.close();
    EXPECT_LE(calls_until_closed([&](int i) { at(senders, 0).send(i); }), kBound);
  });
}

TEST(Ends, WhoSendsOnlyAfterAnEndIsClosedLearnsOfItToo) {
  MemoryJob job(2);
  std::pair<Connection, Connection> made;
  job.as(1, [&] {
    made = pipe(simplex);
    made.first.close();
    EXPECT_LE(calls_until_closed([&](int i) { made.second.send(i); }), kBound);
  });
  auto senders = handed_to_all(job, made.second, 1);
  job.as(0, [&] {
    EXPECT_LE(calls_until_closed([&](int i) { at(senders, 0).send(i); }), kBound);
    EXPECT_LE(calls_until_closed([&](int) { at(senders, 0).send(std::string(1 << 20, 'x')); }), 5)
        << "by bytes, too";
  });
}

TEST(Ends, WhoPutsIntoAQueueThatAnotherHasClosedLearnsOfIt) {
  MemoryJob job(2);
  for (const bool once_before : {false, true}) {
    Queue<int> made;
    auto queues = handed_to_all(job, made);
    const auto queue = at(queues, 1);
    if (once_before) job.as(1, [&] { queue.put(1); });
    job.as(0, [&] { made.close(); });
    job.as(1, [&] {
      EXPECT_LE(calls_until_closed([&](int i) { queue.put(i); }), kBound);
      EXPECT_THROW(static_cast<void>(queue.try_put(1)), Closed);
      EXPECT_THROW(static_cast<void>(queue.try_put_for(1, 1ms)), Closed);
    });
  }
}

TEST(Ends, WhatAClosedQueueHasDroppedIsAnErrorAtFlush) {
  MemoryJob job(2);
  Queue<int> made;
  auto queues = handed_to_all(job, made);
  const auto queue = at(queues, 1);
  job.as(1, [&] {
    queue.put(1);
    queue.flush();
  });
  job.as(0, [&] { made.close(); });
  job.as(1, [&] {
    for (int i = 0; i < 3; ++i) queue.put(i);
    try {
      queue.flush();
      FAIL();
    } catch (const Closed& error) {
      EXPECT_NE(std::string(error.what()).find("3 items"), std::string::npos) << error.what();
    }
    EXPECT_NO_THROW(queue.flush()) << "it has been said";
  });
}

// Each takes from the other what it has not received, and none of the two ever more than that.
TEST(Ends, TwoThatReceiveFromOneEndBothGetOn) {
  constexpr int kMessages = 300;
  MemoryJob job(3, {.hold = 0.2, .shuffle = true, .seed = 5});
  std::pair<Connection, Connection> made;
  job.as(0, [&] { made = pipe(simplex); });
  auto ends = handed_to_all(job, made.first);
  std::atomic<int> got = 0, sum = 0;
  job.run([&](int rank) {
    if (rank == 0) {
      for (int i = 1; i <= kMessages; ++i) made.second.send(i);
      made.second.close();
      return;
    }
    const auto end = at(ends, rank);
    try {
      while (true) {
        sum += end.recv<int>();
        ++got;
      }
    } catch (const Closed&) {
    }
  });
  EXPECT_EQ(got, kMessages);
  EXPECT_EQ(sum, kMessages * (kMessages + 1) / 2);
}

TEST(Ends, AMessageThatIsPutBackGoesToTheOtherThreadThatWaits) {
  constexpr int kRounds = 200;
  MemoryJob job(2);
  std::pair<Connection, Connection> made;
  job.as(0, [&] { made = pipe(); });
  auto ends = handed_to_all(job, made.second);
  std::atomic<int> texts = 0;
  const auto run = [&](const std::function<void(const Connection&)>& body) {
    return std::thread([&, body, end = at(ends, 1)] {
      Client::set_current_of_thread(job.client(1));
      body(end);
      Client::set_current_of_thread(nullptr);
    });
  };
  auto reader = run([&](const Connection& end) {
    for (; texts < kRounds; ++texts) EXPECT_EQ(end.recv<std::string>(), "text");
  });
  auto counter = run([&](const Connection& end) {  // sometimes it has the text first
    for (int round = 0; round < kRounds;) {
      const int before = texts;
      try {
        round = end.recv<int>();
      } catch (const CodecError&) {
        EXPECT_TRUE(job.settles([&] { return texts != before; })) << "in round " << round;
      }
    }
  });
  job.as(0, [&] {
    for (int round = 1; round <= kRounds; ++round) {
      made.first.send(std::string("text"));
      EXPECT_TRUE(job.settles([&] { return texts >= round; })) << "in round " << round;
    }
    made.first.send(kRounds);
  });
  reader.join();
  counter.join();
}

/// Encodes a value that is gone when it is sent, and what it names has no other handle.
template <class Make>
Payload letter(Make make) {
  return encode(make());
}

TEST(Ends, HandlesThatOnlyAnEncodedValueHoldsLiveUntilItIsSent) {
  MemoryJob job(2);
  Queue<Queue<int>> made_queues;
  Queue<std::vector<Array<int>>> made_arrays;
  Queue<std::pair<Connection, Barrier>> made_pairs;
  auto queues = handed_to_all(job, made_queues);
  auto arrays = handed_to_all(job, made_arrays);
  auto pairs = handed_to_all(job, made_pairs);
  const auto objects = job.objects(), words = job.words();
  job.as(0, [&] {
    const auto client = Client::current();
    const auto post = [&](auto& queue, Payload value) {
      client->calls().post(Kind::queue_put, encode(queue).handles.at(0).object, std::move(value));
    };
    post(made_queues, letter([] {
           Queue<int> queue;
           queue.put(3);
           return queue;
         }));
    post(made_arrays, letter([] { return std::vector{Array<int>{1, 2}, Array<int>{3}}; }));
    post(made_pairs, letter([] { return std::pair{pipe().first, Barrier(1)}; }));
    const auto never_sent = letter([] { return Lock(); });
  });
  job.as(1, [&] {
    EXPECT_EQ(at(queues, 1).get().get(), 3);
    EXPECT_EQ(at(arrays, 1).get().at(1).load(0), 3);
    const auto [end, barrier] = at(pairs, 1).get();
    EXPECT_EQ(barrier.wait(), 0u);
    EXPECT_TRUE(end.poll_for(10s));
    EXPECT_THROW(end.recv<int>(), Closed);
  });
  EXPECT_TRUE(job.settles([&] { return job.objects() == objects && job.words() == words; }));
}

}  // namespace
}  // namespace mpx::detail
