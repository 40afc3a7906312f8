#include "processes/supervisor.hpp"

#include <gtest/gtest.h>

#include "core/pack.hpp"
#include "fork_server_support.hpp"
#include "wire/headers.hpp"

namespace mpx::detail {
namespace {

using namespace testing;

/// A rank whose processes send the one frame that the name of the process says, and wait.
struct SupervisorTest : ::testing::Test {
  void SetUp() override { ::alarm(kTestSeconds); }  // a hang ends the program
  void TearDown() override { ::alarm(0); }

  static constexpr std::size_t kLarge = 1 << 20;
  enum How : std::uint64_t { well, too_long, no_memory, large_too };  // above 16 bits of a serial

  static int child(Birth birth) {
    const auto serial = birth.serial;
    auto& channel = birth.channel;
    Frame frame;
    frame.header.kind = static_cast<Kind>(serial & 0xffff);
    frame.header.object = {0, 1, ProcessId(0, 0)};
    switch (serial >> 16) {
      case too_long:
        frame.header.length = std::uint64_t{1} << 62;
        break;
      case no_memory:  // announced as given, and not sent
        frame.header.large = kLarge | std::uint64_t{1} << 63;
        break;
      case large_too:
        frame = make_frame(frame.header, {Bytes(kLarge), {}});
        break;
      default:
        break;
    }
    FrameWriter().send(channel, std::move(frame));
    channel.ring_if_asleep();
    for (;;) ::pause();
  }

  /// Starts a process of this serial number and goes on until it ends.
  void run(std::uint64_t serial) {
    const ProcessId id(0, serial);
    StartRequest request;
    request.name = "p";
    supervisor.spawn(make_frame(to_process(Kind::spawn, id), {Packer::pack(request), {}}));
    for (bool ended = false; !ended;) {
      supervisor.pump(true);
      for (const auto& frame : std::exchange(routed, {})) {
        if (frame.header.kind == Kind::process_ended) {
          exit_code = Unpacker(frame.body).get<ProcessFacts>().exit_code;
          ended = true;
        } else if (frame.header.kind != Kind::spawned) {
          kinds.push_back(frame.header.kind);
          large_bytes += frame.large.size;
          if (kinds.size() == 1) supervisor.signal(to_process(Kind::signal, id), SIGTERM);
        }
      }
    }
  }

  std::vector<Frame> routed;
  Supervisor supervisor{0, "node", ForkServer::start(child),
                        [this](Frame&& frame) { routed.push_back(std::move(frame)); }};
  std::vector<Kind> kinds;
  std::size_t large_bytes = 0;
  int exit_code = 0;
};

TEST_F(SupervisorTest, WhatAProcessMaySendGoesOn) {
  for (const auto kind : {Kind::create, Kind::queue_close, Kind::pool_resume, Kind::name_find}) {
    run(static_cast<std::uint64_t>(kind));
    EXPECT_EQ(std::exchange(kinds, {}), std::vector{kind});
    EXPECT_EQ(exit_code, -SIGTERM);
  }
}

TEST_F(SupervisorTest, AProcessThatSendsWhatOnlyRanksMayIsKilledAndNotHeard) {
  for (const auto kind :
       {Kind::shutdown, Kind::process_ended, Kind::spawn, Kind::signal, Kind::recalled, Kind::stop,
        Kind::permits, Kind::end_peer_gone, Kind::reply, Kind::waits_ask, Kind{}, Kind{0x7777}}) {
    run(static_cast<std::uint64_t>(kind));
    EXPECT_EQ(kinds, std::vector<Kind>{}) << static_cast<int>(kind);
    EXPECT_EQ(exit_code, -SIGKILL);
  }
}

TEST_F(SupervisorTest, AProcessThatSendsAnImpossibleLengthIsKilled) {
  run(static_cast<std::uint64_t>(Kind::queue_close) | too_long << 16);
  EXPECT_EQ(kinds, std::vector<Kind>{});
  EXPECT_EQ(exit_code, -SIGKILL);
}

TEST_F(SupervisorTest, AProcessThatAnnouncesMemoryAndSendsNoneIsKilled) {
  run(static_cast<std::uint64_t>(Kind::queue_put) | no_memory << 16);
  EXPECT_EQ(kinds, std::vector<Kind>{});
  EXPECT_EQ(exit_code, -SIGKILL);
}

TEST_F(SupervisorTest, LargeBytesComeAndSpareMemoryGoesNoFurther) {
  run(static_cast<std::uint64_t>(Kind::queue_put) | large_too << 16);
  EXPECT_EQ(kinds, std::vector{Kind::queue_put});
  EXPECT_EQ(large_bytes, kLarge);
}

}  // namespace
}  // namespace mpx::detail
