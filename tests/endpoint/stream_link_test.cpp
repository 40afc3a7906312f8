#include "endpoint/stream_link.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "core/channel.hpp"
#include "core/pack.hpp"

namespace mpx::detail {
namespace {

using namespace std::chrono_literals;

/// A frame with a body of so many bytes.
Frame frame_of(std::size_t bytes) { return make_frame(FrameHeader{}, Payload{Bytes(bytes), {}}); }

// While one thread of a process sleeps until a frame comes, another one waits for room in the ring.
TEST(StreamLink, AThreadThatWaitsForRoomLeavesTheDriverItsWakeUp) {
  constexpr int kRounds = 300;
  auto [channel, fds] = Channel::create(4096, 0);
  ClientMutex mutex;
  ClientCondition changed;
  int come = 0;
  StreamLink link(
      std::make_unique<Channel>(Channel::Side::child, std::move(fds)), [&](Frame&&) { ++come; },
      [&] { come = kRounds; });
  std::thread driver([&] {
    const ClientLock lock(mutex);
    while (come < kRounds) {
      link.drive(mutex, Deadline::never());
      changed.notify_all();
    }
  });
  std::atomic<bool> give_up = false;
  std::thread worker([&give_up, &own = channel] {
    auto channel = std::move(own);  // at the end its socket is closed, which wakes the driver
    FrameReader reader;
    FrameWriter writer;
    for (int round = 0; round < kRounds && !give_up; ++round) {
      while (reader.pump(channel, [](Frame&&) {}) == 0 && !give_up) {
      }
      writer.send(channel, frame_of(10));
      channel.ring_if_asleep();
    }
  });
  ClientLock lock(mutex);
  for (int round = 0; round < kRounds && !give_up; ++round) {
    link.send(frame_of(5000));
    const auto limit = std::chrono::steady_clock::now() + 10s;
    while (come <= round && std::chrono::steady_clock::now() < limit)
      changed.wait_until(mutex, limit);
    give_up = come <= round;
    EXPECT_FALSE(give_up) << "in round " << round;
  }
  lock.unlock();
  worker.join();
  driver.join();
}

}  // namespace
}  // namespace mpx::detail
