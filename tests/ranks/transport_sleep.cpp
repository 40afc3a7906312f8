#include <poll.h>

#include <chrono>
#include <cstdint>
#include <thread>

#include "ranks/transport_support.hpp"

namespace mpx::detail::ranks {
namespace {

class Doorbell : public RankTest {
 protected:
  /// Whether the bell rings before a time that only a lost wake-up takes. Who is busy need not be
  /// rung, and sleeps for a short time only.
  bool rings() {
    constexpr int kLostAfterMs = 10'000;
    pollfd bell{.fd = transport().doorbell(), .events = POLLIN, .revents = 0};
    if (transport().busy()) return ::poll(&bell, 1, 5) >= 0;
    return ::poll(&bell, 1, kLostAfterMs) == 1;
  }

  /// Sleeps between polls until `done`; returns whether each sleep was ended by the bell.
  bool sleep_until(const Transport::Deliver& deliver, const std::function<bool()>& done) {
    bool rung = true;
    while (rung && !done()) {
      transport().announce_sleep();
      if (transport().poll(deliver) == 0 && !done()) {
        rung = rings();
        ++slept_;
      }
      transport().announce_awake();
    }
    return rung;
  }

  bool has_partner() {
    partner_ = rank() ^ 1;
    return partner_ < size();
  }

  int partner_ = 0;
  std::uint64_t slept_ = 0;
};

TEST_F(Doorbell, NeverLosesAWakeUp) {
  constexpr std::uint64_t kRounds = 10'000;
  if (size() == 1) GTEST_SKIP() << "needs two ranks";
  if (transport().needs_timer()) GTEST_SKIP() << "needs all ranks on one node";
  if (!has_partner()) return;
  std::uint64_t got = 0;
  const auto deliver = [&](Frame&& frame) { EXPECT_EQ(frame.header.call, got++); };
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    if (rank() < partner_) transport().send(partner_, frame(rank(), round, 8, round));
    transport().flush();
    ASSERT_TRUE(sleep_until(deliver, [&] { return got > round; })) << "in round " << round;
    if (rank() > partner_) transport().send(partner_, frame(rank(), round, 8, round));
  }
  transport().flush();
  RecordProperty("slept", static_cast<int>(slept_));
  drive(deliver, [] { return true; });
}

TEST_F(Doorbell, WakesBothEndsOfALongMessage) {
  if (size() == 1) GTEST_SKIP() << "needs two ranks";
  if (transport().needs_timer()) GTEST_SKIP() << "needs all ranks on one node";
  if (!has_partner()) return;
  for (std::uint64_t round = 0; round < 20; ++round) {
    const auto bytes = std::size_t{1} << (10 + round % 14);
    bool got = false;
    const auto deliver = [&](Frame&& frame) {
      EXPECT_TRUE(has_pattern(frame.body, round));
      got = true;
    };
    if (rank() < partner_) {
      transport().send(partner_, frame(rank(), round, bytes, round));
      transport().flush();
      ASSERT_TRUE(sleep_until(deliver, [&] { return !transport().busy(); })) << bytes << " bytes";
      ASSERT_TRUE(sleep_until(deliver, [&] { return got; })) << bytes << " bytes";
    } else {
      ASSERT_TRUE(sleep_until(deliver, [&] { return got; })) << bytes << " bytes";
      transport().send(partner_, frame(rank(), round, 8, round));
      transport().flush();
    }
  }
  drive([](Frame&&) {}, [] { return true; });
}

TEST_F(Doorbell, IsRungByInterruptFromAnotherThread) {
  for (int round = 0; round < 100; ++round) {
    std::thread caller([&] { transport().interrupt(); });
    transport().announce_sleep();
    EXPECT_EQ(transport().poll([](Frame&&) {}), 0u);
    EXPECT_TRUE(rings());
    caller.join();
    transport().announce_awake();
  }
  transport().announce_sleep();
  pollfd bell{.fd = transport().doorbell(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&bell, 1, 0), 0) << "announce_awake() empties the bell";
  transport().announce_awake();
}

}  // namespace
}  // namespace mpx::detail::ranks
