#include "node_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

namespace mpx::runner {
namespace {

std::string line_of(const NodeFacts& facts) {
  const std::string line = to_line(facts);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  return line.substr(0, line.size() - 1);
}

TEST(NodeFacts, TravelAsALine) {
  NodeFacts facts = gather_node_facts({}, "");
  facts.build = "abc";
  facts.core_size = NodeFacts::kUnlimited;
  facts.tmp = "/a folder/with=signs";
  facts.unresolved = {"a", "b"};
  facts.sees_marker = true;
  EXPECT_EQ(parse_node_line(line_of(facts)), facts);
}

TEST(NodeFacts, AreOneLineWhateverIsInThem) {
  NodeFacts facts;
  facts.tmp = "/odd\tname\nhere";
  const auto read = parse_node_line(line_of(facts));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->tmp, "/odd name here");
}

TEST(NodeFacts, ReadNothingFromOtherOrDamagedLines) {
  const std::string line = line_of(gather_node_facts({"localhost"}, ""));
  ASSERT_TRUE(parse_node_line(line));
  EXPECT_FALSE(parse_node_line(""));
  EXPECT_FALSE(parse_node_line("step MPI_Init"));
  EXPECT_FALSE(parse_node_line("x" + line));
  for (std::size_t size = 0; size < line.size() - 1; ++size) {
    EXPECT_FALSE(parse_node_line(line.substr(0, size))) << size;
  }
}

TEST(NodeFacts, TellOfThisMachine) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const auto facts = gather_node_facts({"localhost", "no-such-host.invalid"}, "/proc/self/exe");
  EXPECT_EQ(facts.open_files, limit.rlim_cur);
  EXPECT_GE(facts.cores, 1);
  EXPECT_TRUE(facts.sees_marker);
  EXPECT_THAT(facts.unresolved, testing::ElementsAre("no-such-host.invalid"));
  EXPECT_EQ(facts.tmp_trouble, "");
}

TEST(NodeFacts, TryToWriteIntoTheTemporaryFolder) {
  const char* before = ::getenv("TMPDIR");
  const std::string kept = before ? before : "";
  ::setenv("TMPDIR", "/proc/nowhere", 1);
  const auto facts = gather_node_facts({}, "");
  before ? ::setenv("TMPDIR", kept.c_str(), 1) : ::unsetenv("TMPDIR");
  EXPECT_EQ(facts.tmp, "/proc/nowhere");
  EXPECT_EQ(facts.tmp_trouble, "No such file or directory");
}

TEST(SlotsOfRank, CountFromRankOne) {
  EXPECT_EQ(slots_of_rank("4,3,2", 0), 0);
  EXPECT_EQ(slots_of_rank("4,3,2", 1), 4);
  EXPECT_EQ(slots_of_rank("4,3,2", 3), 2);
  EXPECT_EQ(slots_of_rank("4,3,2", 4), 0);
  EXPECT_EQ(slots_of_rank("", 1), 0);
  EXPECT_EQ(slots_of_rank("x", 1), 0);
}

}  // namespace
}  // namespace mpx::runner
