#include "loss.hpp"

#include <gtest/gtest.h>

namespace mpx::runner {
namespace {

const std::string kText =
    "ORTE has lost communication with a remote daemon.\n\n"
    "  HNP daemon   : [[15223,0],0] on node node1\n"
    "  Remote daemon: [[15223,0],2] on node node3\n\n"
    "This is usually due to either a failure of the TCP network\n";

TEST(LossFinder, FindsTheNodeThatMpirunHasLostHoweverTheTextArrives) {
  for (const std::size_t size : {1, 7, 50, 1000}) {
    LossFinder finder;
    for (std::size_t i = 0; i < kText.size(); i += size) finder.feed(kText.substr(i, size));
    EXPECT_EQ(finder.node(), "node3") << size;
  }
}

TEST(LossFinder, FindsItInTheWordsOfOpenMpi5) {
  LossFinder finder;
  finder.feed("  Remote daemon: [prterun-node1-42@0,1] on node node2\n");
  EXPECT_EQ(finder.node(), "node2");
}

TEST(LossFinder, FindsThatTheProgramCannotBeExecuted) {
  LossFinder finder;
  finder.feed(
      "----\nOpen MPI tried to fork a new process via the \"execve\" system call but\nfailed.\n");
  EXPECT_TRUE(finder.cannot_execute());
  EXPECT_EQ(finder.node(), "");
}

TEST(LossFinder, TakesTheFirstAndNothingElse) {
  LossFinder finder;
  finder.feed("on node a\nRemote daemon: x on node b\n" + std::string(5000, 'x') + "\n");
  EXPECT_EQ(finder.node(), "");
  finder.feed(kText + "  Remote daemon: [[15223,0],2] on node node9\n");
  EXPECT_EQ(finder.node(), "node3");
}

}  // namespace
}  // namespace mpx::runner
