#include <cstdint>

#include "ranks/transport_support.hpp"

namespace mpx::detail::ranks {
namespace {

class Big : public RankTest {};

TEST_F(Big, BodyOfThreeGibibytesArrivesWhole) {
  constexpr std::size_t kBytes = (std::size_t{3} << 30) + 17;
  std::uint64_t got = 0;
  if (rank() == 0) {
    transport().send(1, frame(0, 0, kBytes, 1));
    transport().send(1, frame(0, 1, 8, 2));
  }
  drive(
      [&](Frame&& frame) {
        EXPECT_EQ(frame.header.call, got++);
        EXPECT_EQ(frame.body.size(), got == 1 ? kBytes : 8);
        EXPECT_TRUE(has_pattern(frame.body, got));
      },
      [&] { return rank() == 0 || got == 2; });
}

}  // namespace
}  // namespace mpx::detail::ranks
