#include "transport/segment_post.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "core/segments.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

constexpr std::size_t kSize = 1 << 20;
constexpr std::uint64_t kLargeNumberMask = (kLargeNumbers - 1) << kLargeNumberShift;

Frame large_frame(int with) {
  Bytes bytes(kSize);
  std::memset(bytes.data(), with, kSize);
  Frame frame;
  frame.large = Large(std::move(bytes));
  frame.header.large = kSize;
  return frame;
}

bool all_are(const Large& large, int value) {
  for (const auto byte : large.view()) {
    if (static_cast<int>(byte) != value) return false;
  }
  return large.size == kSize;
}

/// Ranks 0 and 1 are neighbours, rank 2 is on another node.
struct SegmentPostTest : testing::Test {
  JobSecret job{static_cast<std::uint64_t>(::getpid()), 4711};
  SegmentPost first{job, 0, {false, true, false}};
  SegmentPost second{job, 1, {true, false, false}};
};

TEST_F(SegmentPostTest, LargeBytesAreGivenToANeighbour) {
  auto frame = large_frame(7);
  ASSERT_TRUE(first.send(1, frame));
  EXPECT_EQ(frame.header.large & ~kLargeNumberMask, kSize | kLargeGiven);
  frame.large = {};
  const auto large = second.receive(0, frame.header);
  EXPECT_TRUE(all_are(large, 7));
  EXPECT_TRUE(find_segment(large.view())->own);
}

TEST_F(SegmentPostTest, OrLentWhereSomebodyElseHoldsThem) {
  auto frame = large_frame(8);
  const auto holder = frame.large;
  ASSERT_TRUE(first.send(1, frame));
  EXPECT_EQ(frame.header.large & ~kLargeNumberMask, kSize | kLargeLent);
  EXPECT_TRUE(all_are(second.receive(0, frame.header), 8));
}

TEST_F(SegmentPostTest, TheOthersGoByMpi) {
  auto far = large_frame(1);
  EXPECT_FALSE(first.send(2, far)) << "another node";
  Frame small;
  EXPECT_FALSE(first.send(1, small));
  Frame in_private;
  in_private.large = Large(private_bytes(kSize));
  in_private.header.large = kSize;
  EXPECT_FALSE(first.send(1, in_private));
  EXPECT_EQ(in_private.header.large, kSize) << "says that it follows";
}

TEST_F(SegmentPostTest, SoDoThoseThatFindTheQueueFullAndTheRestComesInOrder) {
  std::vector<FrameHeader> sent;
  for (int i = 0; i < 2000; ++i) {
    auto frame = large_frame(i % 100);
    if (!first.send(1, frame)) break;
    sent.push_back(frame.header);
  }
  ASSERT_GT(sent.size(), 5u);
  ASSERT_LT(sent.size(), 2000u);
  int i = 0;
  for (const auto& header : sent) EXPECT_TRUE(all_are(second.receive(0, header), i++ % 100));
  auto next = large_frame(9);
  EXPECT_TRUE(first.send(1, next));
  EXPECT_TRUE(all_are(second.receive(0, next.header), 9));
}

TEST_F(SegmentPostTest, AStrangerIsNotHeard) {
  const NodeSocket stranger({job.name, 0}, 's', 7);
  struct {
    std::uint64_t token = 4712, offset = 0;
    std::int32_t from = 0, unused = 0;
  } note;
  const auto bytes = std::as_bytes(std::span(&note, 1));
  const std::vector<std::byte> longer(1000);
  auto frame = large_frame(3);
  const int fd = find_segment(frame.large.view())->fd;
  using Sent = NodeSocket::Sent;
  EXPECT_EQ(stranger.send(1, bytes, {&fd, 1}), Sent::yes) << "another token";
  EXPECT_EQ(stranger.send(1, longer, {&fd, 1}), Sent::yes);
  EXPECT_EQ(stranger.send(1, {}), Sent::yes);
  note.token = 4711;
  note.from = 99;
  EXPECT_EQ(stranger.send(1, bytes, {&fd, 1}), Sent::yes) << "no such rank";
  ASSERT_TRUE(first.send(1, frame));
  EXPECT_TRUE(all_are(second.receive(0, frame.header), 3));
  EXPECT_EQ(stranger.send(9, bytes), Sent::never) << "no such socket";
}

TEST_F(SegmentPostTest, TheMemoryOfAFrameThatWasNeverSentIsNotTakenForThatOfTheNext) {
  auto lost = large_frame(1), next = large_frame(2);
  ASSERT_TRUE(first.send(1, lost));
  ASSERT_TRUE(first.send(1, next));
  EXPECT_TRUE(all_are(second.receive(0, next.header), 2));
}

TEST_F(SegmentPostTest, WhatDoesNotComeIsSaid) {
  auto frame = large_frame(1);
  frame.header.large |= kLargeGiven;
  try {
    static_cast<void>(second.receive(0, frame.header));
    FAIL();
  } catch (const TransportError& error) {
    EXPECT_STREQ(error.what(),
                 "rank 1 cannot take 1048576 bytes from rank 0: their memory has not come");
  }
}

TEST_F(SegmentPostTest, SoIsThatThereIsNoDescriptorLeft) {
  auto frame = large_frame(1);
  ASSERT_TRUE(first.send(1, frame));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const auto none = rlimit{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  std::string said;
  try {
    static_cast<void>(second.receive(0, frame.header));
  } catch (const TransportError& error) {
    said = error.what();
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_NE(said.find("it has no descriptor left for their memory (see ulimit -n)"),
            std::string::npos)
      << said;
}

}  // namespace
}  // namespace mpx::detail
