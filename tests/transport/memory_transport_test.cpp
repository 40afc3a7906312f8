#include "transport/memory_transport.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

Frame numbered(int from, std::uint64_t number) {
  Frame frame;
  frame.header.from = ProcessId(from, 0);
  frame.header.call = number;
  frame.body.resize(number % 100, static_cast<std::byte>(number));
  return frame;
}

int source(const Frame& frame) { return frame.header.from.rank().number(); }

bool readable(int fd, int milliseconds) {
  pollfd bell{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&bell, 1, milliseconds) == 1;
}

/// Runs `work` once for each rank, each on its own thread.
void on_all_ranks(MemoryNetwork& network, const std::function<void(Transport&)>& work) {
  std::vector<std::thread> threads;
  for (int rank = 0; rank < network.size(); ++rank)
    threads.emplace_back([&network, &work, rank] { work(*network.transport(rank)); });
  for (auto& thread : threads) thread.join();
}

/// Every rank sends `count` frames to every other and checks that those of each source are in
/// order.
void storm(MemoryNetwork& network, std::uint64_t count) {
  on_all_ranks(network, [&](Transport& transport) {
    std::vector<std::uint64_t> next(static_cast<std::size_t>(transport.size()));
    std::uint64_t total = 0;
    const auto deliver = [&](Frame&& frame) {
      EXPECT_EQ(frame.header.call, next[static_cast<std::size_t>(source(frame))]++);
      EXPECT_EQ(frame.header.length, frame.header.call % 100);
      EXPECT_EQ(frame.body.size(), frame.header.call % 100);
      ++total;
    };
    for (std::uint64_t number = 0; number < count; ++number) {
      for (int to = 0; to < transport.size(); ++to)
        if (to != transport.rank()) transport.send(to, numbered(transport.rank(), number));
      if (number % 10 == 0) transport.poll(deliver);
    }
    const auto expected = count * static_cast<std::uint64_t>(transport.size() - 1);
    while (total < expected || transport.busy())
      if (transport.poll(deliver) == 0) ::sched_yield();
    EXPECT_EQ(total, expected);
  });
}

TEST(MemoryTransport, KeepsTheOrderOfEachSource) {
  MemoryNetwork network(4);
  storm(network, 2000);
}

TEST(MemoryTransport, KeepsTheOrderOfEachSourceUnderFaults) {
  MemoryNetwork network(4, {}, {.hold = 0.3, .shuffle = true, .seed = 7});
  storm(network, 500);
}

TEST(MemoryTransport, HoldsFramesUntilTheyAreFlushed) {
  MemoryNetwork network(2);
  const auto sender = network.transport(0);
  const auto receiver = network.transport(1);
  const auto nothing = [](Frame&&) {};
  sender->send(1, numbered(0, 0));
  EXPECT_TRUE(sender->busy());
  EXPECT_EQ(receiver->poll(nothing), 0u);
  sender->flush();
  EXPECT_FALSE(sender->busy());
  EXPECT_EQ(receiver->poll(nothing), 1u);
}

TEST(MemoryTransport, MixesSourcesUnderShuffle) {
  bool mixed = false;
  for (std::uint64_t seed = 0; seed < 20 && !mixed; ++seed) {
    MemoryNetwork network(3, {}, {.shuffle = true, .seed = seed});
    for (const int from : {0, 1}) {
      const auto sender = network.transport(from);
      sender->send(2, numbered(from, 0));
      sender->flush();
    }
    std::vector<int> order;
    network.transport(2)->poll([&](Frame&& frame) { order.push_back(source(frame)); });
    mixed = order == std::vector<int>{1, 0};
  }
  EXPECT_TRUE(mixed);
}

TEST(MemoryTransport, NeverLosesAWakeUp) {
  constexpr std::uint64_t kRounds = 2000;
  MemoryNetwork network(2);
  on_all_ranks(network, [&](Transport& transport) {
    const int other = 1 - transport.rank();
    std::uint64_t got = 0;
    const auto deliver = [&](Frame&& frame) { EXPECT_EQ(frame.header.call, got++); };
    for (std::uint64_t round = 0; round < kRounds; ++round) {
      if (transport.rank() == 0) transport.send(other, numbered(0, round));
      transport.flush();
      while (got <= round) {
        transport.announce_sleep();
        if (transport.poll(deliver) == 0) {
          ASSERT_TRUE(readable(transport.doorbell(), 10'000));
        }
        transport.announce_awake();
      }
      if (transport.rank() == 1) transport.send(other, numbered(1, round));
    }
    transport.flush();
  });
}

TEST(MemoryTransport, RingsOnlyWithinAHostAndOnlyWhoSleeps) {
  MemoryNetwork network(3, {"left", "left", "right"});
  const auto first = network.transport(0);
  const auto near = network.transport(1);
  const auto far = network.transport(2);
  EXPECT_TRUE(first->same_node(1));
  EXPECT_FALSE(first->same_node(2));
  EXPECT_EQ(first->host(2), "right");
  EXPECT_TRUE(first->needs_timer());

  far->announce_sleep();
  first->send(1, numbered(0, 0));
  first->send(2, numbered(0, 0));
  first->flush();
  EXPECT_FALSE(readable(near->doorbell(), 0)) << "it does not sleep";
  EXPECT_FALSE(readable(far->doorbell(), 0)) << "it is out of reach";

  near->announce_sleep();
  first->send(1, numbered(0, 1));
  first->flush();
  EXPECT_TRUE(readable(near->doorbell(), 0));
  near->announce_awake();
  EXPECT_FALSE(readable(near->doorbell(), 0));
}

TEST(MemoryTransport, HeldFramesAreNotSleptThrough) {
  MemoryNetwork network(2, {}, {.hold = 1.0});
  const auto sender = network.transport(0);
  const auto receiver = network.transport(1);
  sender->send(1, numbered(0, 0));
  sender->flush();
  receiver->announce_sleep();
  EXPECT_EQ(receiver->poll([](Frame&&) {}), 0u);
  EXPECT_TRUE(receiver->busy());
  EXPECT_TRUE(readable(receiver->doorbell(), 0));
}

TEST(MemoryTransport, InterruptRingsFromAnyThread) {
  MemoryNetwork network(1);
  const auto transport = network.transport(0);
  EXPECT_FALSE(transport->needs_timer());
  std::thread([&] { transport->interrupt(); }).join();
  EXPECT_TRUE(readable(transport->doorbell(), 0));
}

TEST(MemoryTransport, FramesToADroppedRankVanish) {
  MemoryNetwork network(2);
  const auto sender = network.transport(0);
  const auto receiver = network.transport(1);
  sender->send(1, numbered(0, 0));
  sender->flush();
  network.drop(1);
  sender->send(1, numbered(0, 1));
  sender->flush();
  EXPECT_EQ(receiver->poll([](Frame&&) {}), 0u);
}

TEST(MemoryTransport, GoesOnAfterADeliveryThatThrows) {
  MemoryNetwork network(2);
  const auto sender = network.transport(0);
  const auto receiver = network.transport(1);
  for (std::uint64_t number = 0; number < 3; ++number) sender->send(1, numbered(0, number));
  sender->flush();
  std::uint64_t next = 0;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(i == 0 || receiver->busy());
    EXPECT_THROW(receiver->poll([&](Frame&& frame) {
      EXPECT_EQ(frame.header.call, next++);
      throw std::runtime_error("on purpose");
    }),
                 std::runtime_error);
  }
  EXPECT_EQ(receiver->poll([](Frame&&) {}), 0u);
  EXPECT_FALSE(receiver->busy());
}

TEST(MemoryTransport, RefusesToSendToItselfAndToNobody) {
  MemoryNetwork network(2);
  const auto transport = network.transport(0);
  EXPECT_THROW(transport->send(0, Frame{}), TransportError);
  EXPECT_THROW(transport->send(2, Frame{}), TransportError);
  EXPECT_THROW(transport->send(-1, Frame{}), TransportError);
}

}  // namespace
}  // namespace mpx::detail
