#include "core/channel.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "core/fd_passing.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

using Side = Channel::Side;

constexpr unsigned kTestSeconds = 100;
constexpr int kWaitMs = 20'000;
constexpr std::size_t kStream = 200'000'000;
constexpr std::uint32_t kRounds = 100'000;

class ChannelTest : public testing::Test {
 protected:
  void SetUp() override { ::alarm(kTestSeconds); }  // a hang ends the program
  void TearDown() override { ::alarm(0); }
};

// Sleeps as the class says until `ready()`; false at the peer's end or after the time limit.
template <class Ready>
bool wait_for(Channel& channel, Ready ready) {
  while (!ready()) {
    channel.announce_sleep();
    if (ready()) {
      channel.announce_awake();
      return true;
    }
    pollfd fd{channel.socket(), POLLIN, 0};
    const int count = ::poll(&fd, 1, kWaitMs);
    channel.announce_awake();
    if (count == 0) return false;
    if (!channel.drain_doorbell()) return ready();
  }
  return true;
}

// A stream that both sides can compute: byte i of it, and a checksum that depends on the order.
struct Pattern {
  std::uint64_t state = 1;
  std::byte next() {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::byte>(state >> 56);
  }
};

bool write_stream(Channel& channel, std::size_t total, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> chunk(200'000);
  Pattern pattern;
  for (std::size_t done = 0; done < total;) {
    const auto size = std::min<std::size_t>(total - done, 1 + random() % chunk.size());
    for (std::size_t i = 0; i < size; ++i) chunk[i] = pattern.next();
    for (std::size_t at = 0; at < size;) {
      const auto count = channel.write_some(std::span(chunk).subspan(at, size - at));
      channel.ring_if_asleep();
      at += count;
      if (count == 0 && !wait_for(channel, [&] { return channel.room() > 0; })) return false;
    }
    done += size;
  }
  return true;
}

bool read_stream(Channel& channel, std::size_t total, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> chunk(200'000);
  Pattern pattern;
  for (std::size_t done = 0; done < total;) {
    if (!wait_for(channel, [&] { return channel.readable(); })) return false;
    std::size_t count = 0;
    if (random() % 2 == 0) {
      count = channel.read_some(std::span(chunk).first(1 + random() % chunk.size()));
      for (std::size_t i = 0; i < count; ++i) {
        if (chunk[i] != pattern.next()) return false;
      }
    } else {
      const auto seen = channel.peek();
      count = std::min<std::size_t>(seen.size(), 1 + random() % chunk.size());
      for (std::size_t i = 0; i < count; ++i) {
        if (seen[i] != pattern.next()) return false;
      }
      channel.consume(count);
    }
    channel.ring_if_asleep();
    done += count;
  }
  return true;
}

bool ping(Channel& channel) {
  for (std::uint32_t i = 0; i < kRounds; ++i) {
    channel.write_some(std::as_bytes(std::span(&i, 1)));
    channel.ring_if_asleep();
    std::uint32_t answer = 0;
    if (!wait_for(channel, [&] { return channel.readable(); })) return false;
    channel.read_some(std::as_writable_bytes(std::span(&answer, 1)));
    if (answer != i + 1) return false;
  }
  return true;
}

bool pong(Channel& channel) {
  for (std::uint32_t i = 0; i < kRounds; ++i) {
    std::uint32_t number = 0;
    if (!wait_for(channel, [&] { return channel.readable(); })) return false;
    channel.read_some(std::as_writable_bytes(std::span(&number, 1)));
    ++number;
    channel.write_some(std::as_bytes(std::span(&number, 1)));
    channel.ring_if_asleep();
  }
  return true;
}

// Forks a peer that runs `body(channel)`; the worker's side is closed there.
template <class Body>
pid_t fork_peer(Channel& worker, ChannelFds& fds, Body body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(kTestSeconds);
    { Channel closed(std::move(worker)); }
    Channel channel(Side::child, std::move(fds));
    ::_exit(body(channel) ? 0 : 1);
  }
  fds = {};
  return pid;
}

int status_of(pid_t pid) {
  int status = -1;
  ::waitpid(pid, &status, 0);
  return status;
}

TEST_F(ChannelTest, StreamsBetweenThreadsInBothDirections) {
  auto [worker, fds] = Channel::create(1 << 20, 0);
  Channel child(Side::child, std::move(fds));
  bool there = false;
  std::thread thread(
      [&] { there = read_stream(child, kStream, 2) && write_stream(child, 5'000'000, 3); });
  EXPECT_TRUE(write_stream(worker, kStream, 1));
  EXPECT_TRUE(read_stream(worker, 5'000'000, 4));
  thread.join();
  EXPECT_TRUE(there);
}

TEST_F(ChannelTest, StreamsBetweenProcessesThroughASmallRing) {
  auto [worker, fds] = Channel::create(1 << 14, 0);
  const pid_t pid =
      fork_peer(worker, fds, [](Channel& channel) { return write_stream(channel, kStream, 5); });
  EXPECT_TRUE(read_stream(worker, kStream, 6));
  EXPECT_EQ(status_of(pid), 0);
}

TEST_F(ChannelTest, LosesNoWakeUpBetweenThreads) {
  auto [worker, fds] = Channel::create(4096, 0);
  Channel child(Side::child, std::move(fds));
  bool there = false;
  std::thread thread([&] { there = pong(child); });
  EXPECT_TRUE(ping(worker));
  thread.join();
  EXPECT_TRUE(there);
}

TEST_F(ChannelTest, LosesNoWakeUpBetweenProcesses) {
  auto [worker, fds] = Channel::create(4096, 0);
  const pid_t pid = fork_peer(worker, fds, pong);
  EXPECT_TRUE(ping(worker));
  EXPECT_EQ(status_of(pid), 0);
}

TEST_F(ChannelTest, KeepsWhatAKilledPeerHadWrittenAndThenShowsItsEnd) {
  for (int round = 0; round < 50; ++round) {
    auto [worker, fds] = Channel::create(1 << 16, 64);
    const pid_t pid = fork_peer(worker, fds, [](Channel& channel) {
      auto* count = reinterpret_cast<std::atomic<std::uint64_t>*>(channel.scratch().data());
      std::mt19937 random(7);
      Pattern pattern;
      for (;;) {  // tells afterwards how much it has surely written
        std::array<std::byte, 300> chunk;
        const auto size = 1 + random() % chunk.size();
        for (std::size_t i = 0; i < size; ++i) chunk[i] = pattern.next();
        for (std::size_t at = 0; at < size;) {
          const auto part = channel.write_some(std::span(chunk).subspan(at, size - at));
          channel.ring_if_asleep();
          count->fetch_add(part);
          at += part;
          if (part == 0 && !wait_for(channel, [&] { return channel.room() > 0; })) return false;
        }
      }
    });
    std::vector<std::byte> buffer(5000);
    std::uint64_t read = 0;
    bool right = true;
    Pattern pattern;
    const auto take = [&] {
      const auto count = worker.read_some(buffer);
      worker.ring_if_asleep();
      read += count;
      for (std::size_t i = 0; i < count; ++i) right = right && buffer[i] == pattern.next();
      return count;
    };
    while (read < 100'000u * static_cast<unsigned>(round % 5)) {
      ASSERT_TRUE(wait_for(worker, [&] { return worker.readable(); }));
      take();
    }
    ::kill(pid, SIGKILL);
    while (wait_for(worker, [&] { return worker.readable(); })) take();
    EXPECT_FALSE(worker.drain_doorbell());
    EXPECT_TRUE(right);
    const auto surely =
        reinterpret_cast<std::atomic<std::uint64_t>*>(worker.scratch().data())->load();
    EXPECT_GE(read, surely);
    EXPECT_EQ(status_of(pid), SIGKILL);
  }
}

TEST_F(ChannelTest, ShowsTheEndOfAPeerThatHadNotHeardTheBell) {
  auto [worker, fds] = Channel::create(4096, 0);
  {
    Channel child(Side::child, std::move(fds));
    child.announce_sleep();
    worker.ring_if_asleep();
    const std::byte byte{7};
    child.write_some({&byte, 1});
    EXPECT_TRUE(worker.drain_doorbell());
  }
  EXPECT_FALSE(worker.drain_doorbell());
  EXPECT_TRUE(worker.readable());
  worker.ring_if_asleep();  // no SIGPIPE
}

TEST_F(ChannelTest, RingsOnlyAPeerThatSleepsAndOnlyOnce) {
  auto [worker, fds] = Channel::create(4096, 0);
  Channel child(Side::child, std::move(fds));
  const auto rings = [&] {
    std::byte note;
    int count = 0;
    while (::recv(child.socket(), &note, 1, MSG_DONTWAIT) > 0) ++count;
    return count;
  };
  worker.ring_if_asleep();
  EXPECT_EQ(rings(), 0);
  child.announce_sleep();
  for (int i = 0; i < 3; ++i) worker.ring_if_asleep();
  EXPECT_EQ(rings(), 1);
  child.announce_sleep();
  child.announce_awake();
  worker.ring_if_asleep();
  EXPECT_EQ(rings(), 0);
}

TEST_F(ChannelTest, NeverBlocksOnADoorbellThatNobodyEmpties) {
  auto [worker, fds] = Channel::create(4096, 0);
  Channel child(Side::child, std::move(fds));
  for (int i = 0; i < 5000; ++i) {
    child.announce_sleep();
    worker.ring_if_asleep();
  }
  EXPECT_TRUE(child.drain_doorbell());
}

TEST_F(ChannelTest, SharesAlignedScratchMemory) {
  auto [worker, fds] = Channel::create(5000, 1000);
  Channel child(Side::child, std::move(fds));
  EXPECT_EQ(worker.room(), 8192u);
  ASSERT_EQ(worker.scratch().size(), 1000u);
  ASSERT_EQ(child.scratch().size(), 1000u);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(worker.scratch().data()) % 64, 0u);
  EXPECT_EQ(worker.scratch()[999], std::byte{0});
  child.scratch()[999] = std::byte{42};
  EXPECT_EQ(worker.scratch()[999], std::byte{42});
}

TEST_F(ChannelTest, ReportsAPeerThatScribblesOverTheIndices) {
  auto [worker, fds] = Channel::create(4096, 64);
  Channel child(Side::child, std::move(fds));
  // The peer overruns all that lies before its scratch memory.
  auto* end = child.scratch().data();
  std::memset(end - 2 * 4096 - 300, 0xA5, 2 * 4096 + 300);
  EXPECT_THROW((void)worker.readable(), TransportError);
  EXPECT_THROW((void)worker.room(), TransportError);
  EXPECT_THROW((void)worker.peek(), TransportError);
}

TEST_F(ChannelTest, RefusesMemoryThatIsNotAChannels) {
  const auto open = [](int memory) {
    auto [here, there] = socket_pair();
    Channel(Side::child, {UniqueFd(memory), std::move(here)});
  };
  EXPECT_THROW(open(-1), TransportError);
  const int plain = ::memfd_create("plain", MFD_CLOEXEC);
  ASSERT_EQ(::ftruncate(plain, 1 << 16), 0);
  EXPECT_THROW(open(plain), TransportError);
  const int other = ::memfd_create("other", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  ASSERT_EQ(::ftruncate(other, 1 << 16), 0);
  ASSERT_EQ(::fcntl(other, F_ADD_SEALS, F_SEAL_SHRINK), 0);
  EXPECT_THROW(open(other), TransportError);
}

TEST_F(ChannelTest, CannotBeTruncatedByThePeer) {
  auto [worker, fds] = Channel::create(4096, 0);
  EXPECT_NE(::ftruncate(fds.memory.get(), 0), 0);
  EXPECT_EQ(errno, EPERM);
}

TEST_F(ChannelTest, SaysWhenThereIsNoMemory) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1 << 20, 1 << 20};  // stands for a full memory
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      (void)Channel::create(1 << 24, 0);
    } catch (const LaunchError& error) {
      ::_exit(std::strstr(error.what(), "cannot reserve 33") ? 0 : 2);
    }
    ::_exit(1);
  }
  EXPECT_EQ(status_of(pid), 0);
}

TEST_F(ChannelTest, OpensCloseOnExecDescriptorsOnly) {
  auto [worker, fds] = Channel::create(4096, 0);
  for (const int fd : {worker.socket(), fds.memory.get(), fds.socket.get()}) {
    EXPECT_TRUE(::fcntl(fd, F_GETFD) & FD_CLOEXEC) << fd;
  }
}

TEST_F(ChannelTest, TravelsByItsDescriptors) {
  auto [worker, fds] = Channel::create(4096, 0);
  auto [here, there] = socket_pair();
  const std::array passed{fds.memory.get(), fds.socket.get()};
  const std::array<std::byte, 3> text{std::byte{1}, std::byte{2}, std::byte{3}};
  EXPECT_TRUE(send_fds(here.get(), text, passed));
  std::array<std::byte, 100> buffer;
  auto message = recv_fds(there.get(), buffer);
  ASSERT_EQ(message.state, ReceivedMessage::State::message);
  EXPECT_EQ(message.length, 3u);
  ASSERT_EQ(message.fds.size(), 2u);
  EXPECT_TRUE(::fcntl(message.fds[0].get(), F_GETFD) & FD_CLOEXEC);
  Channel child(Side::child, {std::move(message.fds[0]), std::move(message.fds[1])});
  worker.write_some(text);
  EXPECT_EQ(child.peek().size(), 3u);

  EXPECT_EQ(recv_fds(there.get(), buffer).state, ReceivedMessage::State::nothing_yet);
  EXPECT_TRUE(send_fds(here.get(), text, {}));
  EXPECT_THROW(recv_fds(there.get(), std::span(buffer).first(2)), TransportError);
  EXPECT_TRUE(send_fds(there.get(), text, {}));  // here unread when this end closes
  here.reset();
  EXPECT_EQ(recv_fds(there.get(), buffer).state, ReceivedMessage::State::end);
  EXPECT_FALSE(send_fds(there.get(), text, {}));
}

}  // namespace
}  // namespace mpx::detail
