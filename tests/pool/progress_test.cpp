#include "pool/progress.hpp"

#include <gtest/gtest.h>

namespace mpx::detail {
namespace {

using namespace std::chrono_literals;

TEST(Progress, SaysHowFarHowFastAndHowLongStill) {
  EXPECT_EQ(progress_text(0, 100, 2s), "0/100 (0 %), 0.00/s");
  EXPECT_EQ(progress_text(25, 100, 10s), "25/100 (25 %), 2.50/s, 0:30 left");
  EXPECT_EQ(progress_text(1'000, 10'001'000, 1s), "1000/10001000 (0 %), 1000/s, 2:46:40 left");
}

TEST(Progress, SaysHowLongItTookInTheEnd) {
  EXPECT_EQ(progress_text(200, 200, 100s), "200/200 (100 %), 2.00/s, took 1:40");
}

TEST(Progress, WritesTheEndOnceAndNothingTooSoon) {
  Progress progress(3);
  testing::internal::CaptureStderr();
  progress.show(1);
  progress.show(3);
  progress.show(3);
  const auto text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("1/3"), std::string::npos) << text;
  EXPECT_NE(text.find("3/3 (100 %)"), std::string::npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
}

}  // namespace
}  // namespace mpx::detail
