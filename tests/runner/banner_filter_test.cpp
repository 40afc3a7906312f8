#include "banner_filter.hpp"

#include <gtest/gtest.h>

namespace mpx::runner {
namespace {

const std::string kRule = std::string(74, '-') + "\n";

const std::string kPrimary =
    kRule +
    "Primary job  terminated normally, but 1 process returned\n"
    "a non-zero exit code. Per user-direction, the job has been aborted.\n" +
    kRule;

std::string detected(const std::string& rank) {
  return kRule +
         "mpirun detected that one or more processes exited with non-zero status, thus causing\n"
         "the job to be terminated. The first process to do so was:\n\n"
         "  Process name: [[32733,1]," +
         rank + "]\n  Exit code:    3\n" + kRule;
}

const std::string kDetected5 =
    kRule +
    "prterun detected that one or more processes exited with non-zero status,\n"
    "thus causing the job to be terminated. The first process to do so was:\n\n"
    "   Process name: [prterun-vm-11974@1,0]\n   Exit code:    3\n" +
    kRule;

// What comes out when `text` goes in by pieces of `size` bytes.
std::string filtered(const std::string& text, std::size_t size) {
  BannerFilter filter;
  std::string shown;
  for (std::size_t i = 0; i < text.size(); i += size) shown += filter.feed(text.substr(i, size));
  return shown + filter.flush();
}

TEST(BannerFilter, TakesOutTheBannersOfAnOrdinaryStatusHoweverTheyArriveInPieces) {
  const std::string text =
      "before\n" + kPrimary + detected("0") + "between\n" + kDetected5 + "after";
  for (const std::size_t size : {1, 2, 7, 74, 75, 100, 10'000}) {
    EXPECT_EQ(filtered(text, size), "before\nbetween\nafter") << size;
  }
}

TEST(BannerFilter, MendsTheLineThatABannerSplit) {
  for (const std::size_t size : {1, 3, 1000}) {
    EXPECT_EQ(filtered("1334" + kPrimary + "86\n-" + kPrimary + "-\n", size), "133486\n--\n");
  }
}

TEST(BannerFilter, LeavesTheBannerThatNamesAnotherRank) {
  EXPECT_EQ(filtered(kPrimary + detected("1"), 1), detected("1"));
}

TEST(BannerFilter, TakesOutTheLineAboutASignalPassedOn) {
  for (const std::size_t size : {1, 5, 1000}) {
    EXPECT_EQ(filtered("some\nmpirun: Forwarding signal 10 to job\nmore mpirun: Fo", size),
              "some\nmore mpirun: Fo");
  }
}

TEST(BannerFilter, LosesNothingElse) {
  const std::string noticed =
      kRule + "mpirun noticed that process rank 0 exited on signal 9\n" + kRule;
  const std::string half = kPrimary.substr(0, kPrimary.size() - 10);
  for (const std::string& text :
       {noticed, half, kRule, kRule + kRule, std::string("-"), kRule + "\n", "text " + kRule,
        std::string(300, '-'), std::string("a\0b\n", 4)}) {
    for (const std::size_t size : {1, 5, 1000}) EXPECT_EQ(filtered(text, size), text);
  }
}

TEST(BannerFilter, HoldsBackOnlyWhatMayBecomeABanner) {
  BannerFilter filter;
  EXPECT_EQ(filter.feed("progress 10 %"), "progress 10 %");
  EXPECT_FALSE(filter.holds_text());
  EXPECT_EQ(filter.feed("\n---"), "\n");
  EXPECT_TRUE(filter.holds_text());
  EXPECT_EQ(filter.feed(" a table\n"), "--- a table\n");
  EXPECT_EQ(filter.feed("---"), "");
  EXPECT_EQ(filter.flush(), "---");
  EXPECT_FALSE(filter.holds_text());
}

TEST(BannerFilter, FindsABannerRightAfterAnotherRule) {
  EXPECT_EQ(filtered(kRule + kPrimary, 3), kRule);
}

}  // namespace
}  // namespace mpx::runner
