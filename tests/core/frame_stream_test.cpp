#include "core/frame_stream.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "core/channel.hpp"
#include "core/fd_passing.hpp"
#include "core/pack.hpp"
#include "core/segments.hpp"

namespace mpx::detail {
namespace {

constexpr std::size_t kSize = 1 << 20;

Bytes filled(std::size_t size, int with) {
  Bytes bytes(size);
  std::memset(bytes.data(), with, size);
  return bytes;
}
Frame large_frame(int with, std::size_t size = kSize) {
  return make_frame(FrameHeader{}, Payload{filled(size, with), {{}}});
}

struct FrameStreamTest : testing::Test {
  FrameStreamTest() {
    auto [mine, fds] = Channel::create(4096, 0);
    here = std::make_unique<Channel>(std::move(mine));
    there = std::make_unique<Channel>(Channel::Side::child, std::move(fds));
    drop_kept_segments();
  }
  ~FrameStreamTest() override { drop_kept_segments(); }

  /// Both sides do what they can until all has come.
  std::vector<Payload> exchange() {
    std::vector<Payload> come;
    const auto take = [&](Frame&& frame) { come.push_back(take_payload(std::move(frame))); };
    while (true) {
      const bool all = writer.pump(*here);
      if (reader.pump(*there, take) == 0 && all) return come;
    }
  }
  /// Bytes in the ring.
  [[nodiscard]] std::size_t written() const { return here->unread(); }

  std::unique_ptr<Channel> here, there;
  FrameWriter writer;
  FrameReader reader;
};

void expect_filled(const Payload& payload, int with, std::size_t size = kSize) {
  ASSERT_EQ(payload.bytes.size(), size);
  for (const auto byte : payload.bytes) ASSERT_EQ(static_cast<int>(byte), with);
  EXPECT_EQ(payload.handles.size(), 1u);
}

TEST_F(FrameStreamTest, ALargePayloadGoesBesideTheRing) {
  writer.send(*here, large_frame(1));
  EXPECT_TRUE(writer.empty());
  EXPECT_EQ(written(), sizeof(FrameHeader) + sizeof(Reference));
  const auto come = exchange();
  ASSERT_EQ(come.size(), 1u);
  expect_filled(come[0], 1);
  EXPECT_TRUE(find_segment(come[0].bytes)->own) << "it is the receiver's now";
}

TEST_F(FrameStreamTest, OneThatIsHeldHereIsLent) {
  auto frame = large_frame(2);
  const auto held = frame.large;
  writer.send(*here, std::move(frame));
  const auto come = exchange();
  ASSERT_EQ(come.size(), 1u);
  expect_filled(come[0], 2);
  EXPECT_FALSE(find_segment(come[0].bytes)->own);
  EXPECT_EQ(come[0].bytes.data(), held.whole->data());
}

TEST_F(FrameStreamTest, OneThatHasBeenLentIsNotGivenToTheLastWhoGetsIt) {
  auto first = large_frame(2);
  auto second = first;
  writer.send(*here, std::move(first));
  writer.send(*here, std::move(second));
  const auto come = exchange();
  ASSERT_EQ(come.size(), 2u);
  expect_filled(come[0], 2);
  expect_filled(come[1], 2);
  EXPECT_FALSE(find_segment(come[0].bytes)->own);
  EXPECT_FALSE(find_segment(come[1].bytes)->own);
}

TEST_F(FrameStreamTest, APartOfALargePayloadIsLent) {
  auto whole = Large(filled(2 * kSize, 3));
  whole.offset = kSize / 2;
  whole.size = kSize;
  writer.send(*here, make_frame_apart(FrameHeader{}, {{}, {{}}, {}, std::move(whole)}));
  const auto come = exchange();
  ASSERT_EQ(come.size(), 1u);
  expect_filled(come[0], 3);
}

TEST_F(FrameStreamTest, WhatIsInPrivateMemoryGoesThroughTheRing) {
  auto bytes = private_bytes(kSize);
  std::memset(bytes.data(), 4, kSize);
  writer.send(*here, make_frame(FrameHeader{}, Payload{std::move(bytes), {{}}}));
  writer.send(*here, large_frame(5));
  writer.send(*here, make_frame(FrameHeader{}, Payload{filled(10, 6), {{}}}));
  const auto come = exchange();
  ASSERT_EQ(come.size(), 3u);
  expect_filled(come[0], 4);
  EXPECT_FALSE(find_segment(come[0].bytes));
  expect_filled(come[1], 5);
  expect_filled(come[2], 6, 10);
}

TEST_F(FrameStreamTest, SoDoesWhatASocketHasNoRoomFor) {
  const std::uint64_t note = 0;
  while (here->send_descriptor(here->socket(), note)) {
  }
  writer.send(*here, large_frame(1));
  EXPECT_FALSE(writer.empty());
  EXPECT_EQ(here->room(), 0u);
}

TEST_F(FrameStreamTest, NoMoreSegmentsAreUnderWayThanTheReceiverTakes) {
  constexpr int kFrames = 3 * static_cast<int>(Channel::kMostDescriptors);
  for (int i = 0; i < kFrames; ++i) writer.send(*here, large_frame(i, kLargeBytes));
  EXPECT_FALSE(writer.empty());
  EXPECT_GT(here->room(), 1000u) << "it does not wait for room";
  EXPECT_FALSE(writer.can_write(*here));
  EXPECT_TRUE(there->drain_doorbell()) << "as a receiver does that waits for room itself";
  EXPECT_FALSE(writer.can_write(*here));
  EXPECT_EQ(reader.pump(*there, [](Frame&&) {}), Channel::kMostDescriptors);
  EXPECT_TRUE(writer.can_write(*here));
  EXPECT_EQ(exchange().size(), kFrames - Channel::kMostDescriptors);
  EXPECT_TRUE(writer.empty());
}

// Between the header and its descriptor a sender in another process has room for one more.
TEST_F(FrameStreamTest, OneMoreIsUnderWayWhileAReceiverTakesTheFirst) {
  for (std::size_t i = 0; i <= Channel::kMostDescriptors; ++i) writer.send(*here, large_frame(1));
  EXPECT_FALSE(writer.empty());
  FrameHeader header;
  EXPECT_EQ(there->read_some(std::as_writable_bytes(std::span(&header, 1))), sizeof header);
  EXPECT_TRUE(writer.pump(*here));
  for (std::size_t i = 0; i <= Channel::kMostDescriptors; ++i)
    EXPECT_TRUE(there->take_descriptor().fd);
}

TEST_F(FrameStreamTest, AReceiverThatSleepsIsWokenByADescriptorAndFindsTheMessage) {
  there->announce_sleep();
  writer.send(*here, large_frame(1));
  pollfd wait{there->socket(), POLLIN, 0};
  ASSERT_EQ(::poll(&wait, 1, 10'000), 1);
  there->announce_awake();
  EXPECT_TRUE(there->drain_doorbell());
  EXPECT_EQ(::poll(&wait, 1, 0), 0) << "nothing is left at the doorbell";
  EXPECT_EQ(exchange().size(), 1u);
}

TEST_F(FrameStreamTest, WhatASenderHadWrittenBeforeItDiedIsThere) {
  writer.send(*here, large_frame(1));
  here.reset();
  std::size_t come = 0;
  reader.pump(*there, [&](Frame&& frame) {
    ++come;
    expect_filled(take_payload(std::move(frame)), 1);
  });
  EXPECT_EQ(come, 1u);
}

TEST_F(FrameStreamTest, ASenderThatDiedBetweenDescriptorAndHeaderLeavesNothing) {
  const auto bytes = filled(kSize, 1);
  ASSERT_TRUE(here->send_descriptor(find_segment(bytes)->fd, 0));
  here.reset();
  EXPECT_EQ(reader.pump(*there, [](Frame&&) { FAIL(); }), 0u);
  EXPECT_FALSE(there->drain_doorbell());
}

// What a process may write that means harm, or has scribbled.
struct LyingFrameTest : FrameStreamTest {
  static constexpr std::uint64_t kGiven = std::uint64_t{1} << 63;

  void announce(std::uint64_t large) {
    FrameHeader header;
    header.large = large;
    here->write_some({reinterpret_cast<const std::byte*>(&header), sizeof header});
  }
  void expect_refused() {
    for (int i = 0; i < 2; ++i)
      EXPECT_THROW(reader.pump(*there, [](Frame&&) { FAIL(); }), TransportError);
  }
};

TEST_F(LyingFrameTest, ADescriptorThatDoesNotComeIsRefused) {
  announce(kSize | kGiven);
  expect_refused();
}

TEST_F(LyingFrameTest, SoIsASegmentThatIsTooShort) {
  const auto bytes = filled(kSize, 1);
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(here->send_descriptor(find_segment(bytes)->fd, kSize / 2));
  announce(kSize | kGiven);
  expect_refused();
}

TEST_F(LyingFrameTest, SoIsWhatIsNoSegment) {
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(here->send_descriptor(here->socket(), 0));
  announce(kSize | kGiven);
  expect_refused();
}

TEST_F(LyingFrameTest, SoIsMoreThanAnyMemoryHas) {
  announce(std::uint64_t{1} << 50);
  expect_refused();
}

TEST_F(LyingFrameTest, TooManyDescriptorsAreClosedAndRefused) {
  for (std::size_t i = 0; i < Channel::kMostDescriptors + 10; ++i)
    ASSERT_TRUE(here->send_descriptor(here->socket(), 0));
  EXPECT_TRUE(there->drain_doorbell());
  for (std::size_t i = 0; i <= Channel::kMostDescriptors; ++i)
    static_cast<void>(there->take_descriptor());
  EXPECT_THROW(static_cast<void>(there->take_descriptor()), TransportError);
}

TEST_F(LyingFrameTest, ALongMessageAtTheDoorbellIsNoDescriptor) {
  const std::vector<std::byte> text(100);
  ASSERT_TRUE(send_fds(here->socket(), text, {}, SendMode::try_once));
  EXPECT_TRUE(there->drain_doorbell());
  announce(kSize | kGiven);
  expect_refused();
}

TEST_F(FrameStreamTest, AProcessWithoutDescriptorsSaysSo) {
  writer.send(*here, large_frame(1));
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{0, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  std::string trouble;
  try {
    reader.pump(*there, [](Frame&&) {});
  } catch (const TransportError& error) {
    ::setrlimit(RLIMIT_NOFILE, &before);  // UBSan has none to look at the exception otherwise
    trouble = error.what();
  }
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_NE(trouble.find("ulimit -n"), std::string::npos) << trouble;
}

}  // namespace
}  // namespace mpx::detail
