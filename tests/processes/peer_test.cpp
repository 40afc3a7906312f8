#include "processes/peer.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/pack.hpp"
#include "mpx/error.hpp"
#include "support/memory_stream.hpp"
#include "wire/headers.hpp"

namespace mpx::detail {
namespace {

const ProcessId kSelf(1, 7);
const ObjectId kQueue{2, 1, ProcessId(0, 0)};
const ObjectId kLock{3, 2, ProcessId(0, 0)};

/// A peer that the test is, at the other end of its stream. It has read nothing of what `frames_for_it`
/// returns before that.
struct PeerTest : testing::Test {
  explicit PeerTest(std::size_t room = 1 << 20) : ends(MemoryStream::make_pair(room)) {}

  void send(FrameHeader header, Payload payload = {}) {
    writer.send(*ends.second, make_frame(header, std::move(payload)));
  }
  std::vector<Frame> frames_for_it() {
    std::vector<Frame> come;
    reader.pump(*ends.second, [&](Frame&& frame) { come.push_back(std::move(frame)); });
    return come;
  }
  std::vector<Frame> take_routed() { return std::exchange(routed, {}); }
  std::vector<Kind> kinds_routed() {
    std::vector<Kind> kinds;
    for (const auto& frame : take_routed()) kinds.push_back(frame.header.kind);
    return kinds;
  }
  /// Items of the queue that are handed to it ahead, by claim slot 1.
  static Frame handed(std::uint32_t count) {
    ClaimStamp stamp{};
    stamp.slot = 1;
    stamp.count = count;
    Bytes body(sizeof stamp);
    std::memcpy(body.data(), &stamp, sizeof stamp);
    return make_frame(to_process(Kind::queue_items, kSelf, kQueue, 1), {std::move(body), {}});
  }
  static Reference reference(const ObjectId& object) { return {object, ProcessId(0, 0)}; }

  std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>> ends;
  std::unique_ptr<SharedBlock> shared = std::make_unique<SharedBlock>();
  std::vector<Frame> routed;
  Peer::Route route = [this](Frame&& frame) { routed.push_back(std::move(frame)); };
  Peer peer{kSelf, kProcessPeer, std::move(ends.first), shared.get(), route};
  FrameReader reader;
  FrameWriter writer;
};

TEST_F(PeerTest, WhatItSendsIsItsOwn) {
  auto header = to_home(Kind::queue_close, kQueue, ProcessId(0, 99));
  send(header);
  EXPECT_EQ(peer.pump(), 1u);
  ASSERT_EQ(routed.size(), 1u);
  EXPECT_EQ(routed[0].header.from, kSelf) << "whatever it says";
}

TEST_F(PeerTest, AKindThatItMayNotSendIsRefused) {
  std::size_t refused = 0;
  for (int kind = 0; kind < 0x300; ++kind) {
    if (is_for_processes(static_cast<Kind>(kind))) continue;
    auto [mine, its] = MemoryStream::make_pair(1 << 12);
    Peer other(kSelf, kProcessPeer, std::move(mine), shared.get(), route);
    FrameWriter().send(*its, make_frame(to_home(static_cast<Kind>(kind), kQueue), {}));
    EXPECT_THROW(static_cast<void>(other.pump()), UsageError) << kind;
    ++refused;
  }
  EXPECT_GT(refused, 0x200u);
  EXPECT_TRUE(routed.empty());
}

TEST_F(PeerTest, EachClassHasItsOwnKinds) {
  static constexpr PeerClass kReader{"reader", [](Kind kind) { return kind == Kind::queue_info; }};
  auto [mine, its] = MemoryStream::make_pair(1 << 12);
  Peer other(kSelf, kReader, std::move(mine), nullptr, route);
  FrameWriter to_it;
  to_it.send(*its, make_frame(to_home(Kind::queue_info, kQueue), {}));
  EXPECT_EQ(other.pump(), 1u);
  to_it.send(*its, make_frame(to_home(Kind::queue_close, kQueue), {}));
  try {
    static_cast<void>(other.pump());
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find(", which no reader may send"), std::string::npos);
  }
}

TEST_F(PeerTest, AtItsEndTheHomesThatItUsedAreTold) {
  send(to_home(Kind::acquire, kLock));
  send(to_home(Kind::queue_close, kQueue));
  peer.pump();
  EXPECT_EQ(peer.leave(), (std::set<int>{2, 3}));
  EXPECT_TRUE(peer.leave().empty()) << "once";
}

TEST_F(PeerTest, UnitsHandedAheadAreTakenBack) {
  peer.deliver(handed(3));
  peer.deliver(handed(2));
  EXPECT_EQ(frames_for_it().size(), 2u);
  peer.recall(1, kQueue);
  ASSERT_EQ(routed.size(), 1u);
  EXPECT_EQ(routed[0].header.kind, Kind::recalled);
  EXPECT_EQ(Unpacker(routed[0].body).get<std::uint32_t>(), 5u);
}

TEST_F(PeerTest, OrAreOnRecordAtItsEnd) {
  peer.deliver(handed(3));
  EXPECT_TRUE(kinds_routed().empty());
  const auto ranks = peer.leave();
  EXPECT_TRUE(ranks.contains(2));
  EXPECT_EQ(kinds_routed(), std::vector{Kind::left});
}

TEST_F(PeerTest, ReferencesThatItWasSentAndDidNotTakeAreDropped) {
  peer.deliver(make_frame(to_process(Kind::end_item, kSelf, kQueue),
                          {{}, {reference(kLock), reference(kQueue)}}));
  send(count_header(Kind::claim, reference(kLock)));
  peer.pump();
  EXPECT_EQ(kinds_routed(), std::vector{Kind::claim});
  peer.leave();
  ASSERT_EQ(routed.size(), 1u);
  EXPECT_EQ(routed[0].header.kind, Kind::drop_flight);
  EXPECT_EQ(routed[0].header.object, kQueue);
}

TEST_F(PeerTest, WhatItWasStartedWithIsHeldThoughItDidNotLiveToTakeIt) {
  peer.begin(make_frame(to_process(Kind::process_main, kSelf), {{}, {reference(kLock)}}));
  const auto ranks = peer.leave();
  EXPECT_EQ(kinds_routed(), std::vector{Kind::claim}) << "so that the lock hears of its end";
  EXPECT_TRUE(ranks.contains(3));
}

TEST_F(PeerTest, PermitsAreTheSumOfBothAccounts) {
  peer.note_permits(kLock, 2);
  peer.note_permits(kQueue, 1);
  peer.note_permits(kQueue, -1);
  shared->permits[5].begin(kLock);
  shared->permits[5].add(3);
  std::int64_t sum = 0;
  peer.permits([&](const ObjectId& object, std::int64_t count) {
    EXPECT_EQ(object, kLock);
    sum += count;
  });
  EXPECT_EQ(sum, 5);
}

TEST_F(PeerTest, SmallPutsInARowGoOnAsOneMessage) {
  for (int i = 0; i < 10; ++i) send(to_home(Kind::queue_put, kQueue), {Bytes(20), {}});
  send(to_home(Kind::queue_close, kQueue));
  peer.pump();
  EXPECT_EQ(kinds_routed(), (std::vector{Kind::queue_puts, Kind::queue_close}));
}

TEST_F(PeerTest, IsAskedForItsWaitsOnceUntilItAnswers) {
  peer.ask_waits(1);
  peer.ask_waits(2);
  EXPECT_EQ(frames_for_it().size(), 1u) << "it computes";
  send(to_home(Kind::waits, kQueue));
  peer.pump();
  peer.ask_waits(3);
  EXPECT_EQ(frames_for_it().size(), 1u);
}

struct NarrowPeerTest : PeerTest {
  NarrowPeerTest() : PeerTest(100) {}
};

TEST_F(NarrowPeerTest, FramesWaitForRoomAndCanBeWrittenWhenThereIs) {
  for (int i = 0; i < 5; ++i)
    peer.deliver(make_frame(to_process(Kind::end_item, kSelf, kQueue), {Bytes(200), {}}));
  EXPECT_TRUE(peer.congested());
  std::size_t come = 0;
  while (peer.congested()) {
    come += frames_for_it().size();
    EXPECT_TRUE(peer.readable());
    peer.pump();
  }
  EXPECT_EQ(come + frames_for_it().size(), 5u);
}

// A peer may send anything, and end anywhere in it: it is refused, or what it leaves adds up.
TEST_F(PeerTest, WhateverItSendsEndsInARefusalOrAnAccount) {
  std::mt19937 random(5);
  std::size_t refusals = 0;
  for (int round = 0; round < 3000; ++round) {
    auto [mine, its] = MemoryStream::make_pair(1 << 16);
    Peer other(kSelf, kProcessPeer, std::move(mine), shared.get(), route);
    if (random() % 2 == 0)
      other.begin(make_frame(to_process(Kind::process_main, kSelf), {{}, {reference(kLock)}}));
    for (std::size_t frames = random() % 4; frames > 0; --frames) {
      Frame frame;
      frame.body.resize(random() % 200);
      for (auto& byte : frame.body) byte = static_cast<std::byte>(random());
      auto& header = frame.header;
      header.kind = static_cast<Kind>(random() % 0x60 + (random() % 8 == 0 ? 0x200 : 0));
      header.status = static_cast<std::uint16_t>(random() % 4);
      header.handles = random() % 4 == 0 ? static_cast<std::uint32_t>(random()) : 0;
      header.object = random() % 2 == 0 ? kQueue : kLock;
      header.length = frame.body.size();
      Bytes bytes(sizeof header + frame.body.size());
      std::memcpy(bytes.data(), &header, sizeof header);
      if (!frame.body.empty())
        std::memcpy(bytes.data() + sizeof header, frame.body.data(), frame.body.size());
      const bool cut = random() % 4 == 0;
      its->write_some(ByteView(bytes).first(cut ? random() % bytes.size() : bytes.size()));
      if (cut) break;
    }
    try {
      other.pump();
    } catch (const Error&) {
      ++refusals;
    }
    other.leave();
    routed.clear();
  }
  EXPECT_GT(refusals, 100u);
  EXPECT_LT(refusals, 2900u);
}

}  // namespace
}  // namespace mpx::detail
