#include "allocation.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <map>

#include "refusal.hpp"

namespace mpx::runner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using System = Allocation::System;

std::optional<std::string> read_fixture(const std::string& name) {
  std::ifstream file(std::string(MPX_FIXTURES) + "/" + name);
  if (!file) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>(file), {}};
}

std::map<std::string, std::string> variables_of(const std::string& fixture) {
  std::map<std::string, std::string> variables;
  std::istringstream lines(read_fixture(fixture).value());
  for (std::string line; std::getline(lines, line);) {
    const auto equals = line.find('=');
    variables[line.substr(0, equals)] = line.substr(equals + 1);
  }
  return variables;
}

Allocation allocation_of(const std::map<std::string, std::string>& variables) {
  return find_allocation(
      [&](const std::string& name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
      },
      read_fixture);
}

std::string refusal_of(const std::map<std::string, std::string>& variables) {
  try {
    allocation_of(variables);
    return "accepted";
  } catch (const Refusal& refusal) {
    return refusal.what();
  }
}

TEST(Allocation, OfSlurmIsItsCpusOnEachNode) {
  const auto even = allocation_of(variables_of("slurm.env"));
  EXPECT_TRUE(even.in_slurm());
  EXPECT_EQ(even.job, "Slurm job 1");
  EXPECT_THAT(even.hosts, ElementsAre(Host{"node1", 1}, Host{"node2", 1}, Host{"node3", 1}));
  EXPECT_THAT(allocation_of(variables_of("slurm_heterogeneous.env")).hosts,
              ElementsAre(Host{"node1", 4}, Host{"node2", 2}, Host{"node3", 2}));
}

TEST(Allocation, OfPbsIsALineForEachSlot) {
  const auto allocation = allocation_of(variables_of("pbs.env"));
  EXPECT_EQ(allocation.system, System::pbs);
  EXPECT_EQ(allocation.job, "PBS job 4711.head");
  EXPECT_THAT(allocation.hosts, ElementsAre(Host{"n1.cluster", 4}, Host{"n2.cluster", 2}));
}

TEST(Allocation, OfSgeIsALineForEachNode) {
  const auto allocation = allocation_of(variables_of("sge.env"));
  EXPECT_EQ(allocation.system, System::sge);
  EXPECT_THAT(allocation.hosts, ElementsAre(Host{"n1.cluster", 8}, Host{"n2.cluster", 4}));
}

TEST(Allocation, IsNoneOutsideOfABatchJob) {
  EXPECT_EQ(allocation_of({}).system, System::none);
  EXPECT_EQ(allocation_of({{"SLURM_JOB_ID", "1"}}).system, System::none);
}

TEST(Allocation, ThatMakesNoSenseIsRefused) {
  auto slurm = variables_of("slurm.env");
  slurm["SLURM_JOB_CPUS_PER_NODE"] = "4(x2)";
  EXPECT_THAT(refusal_of(slurm), HasSubstr("names 3 nodes (node[1-3]) but the CPUs of 2 (4(x2))"));
  slurm["SLURM_JOB_CPUS_PER_NODE"] = "4(x3";
  EXPECT_THAT(refusal_of(slurm), HasSubstr("cannot read the numbers of CPUs \"4(x3\""));
  EXPECT_THAT(refusal_of({{"PBS_NODEFILE", "gone"}}), HasSubstr("cannot read gone (PBS_NODEFILE)"));
  EXPECT_THAT(refusal_of({{"PE_HOSTFILE", "pbs.env"}}), HasSubstr("cannot read pbs.env"));
}

TEST(Nodelist, IsExpanded) {
  EXPECT_THAT(expand_nodelist("a"), ElementsAre("a"));
  EXPECT_THAT(expand_nodelist("a,b.c"), ElementsAre("a", "b.c"));
  EXPECT_THAT(expand_nodelist("n[8-10,2],x"), ElementsAre("n8", "n9", "n10", "n2", "x"));
  EXPECT_THAT(expand_nodelist("n[08-10]-ib"), ElementsAre("n08-ib", "n09-ib", "n10-ib"));
  EXPECT_THAT(expand_nodelist("r[1-2]n[1-2]"), ElementsAre("r1n1", "r1n2", "r2n1", "r2n2"));
  for (const std::string text : {"", "a,", "n[", "n[1", "n]", "n[2-1]", "n[a]", "n[]", "n[1-]",
                                 "n[0-99999999]", "n[1-1000]n[1-1001]"}) {
    EXPECT_THROW(static_cast<void>(expand_nodelist(text)), Refusal) << text;
  }
}

TEST(Counts, AreExpanded) {
  EXPECT_THAT(expand_counts("4"), ElementsAre(4));
  EXPECT_THAT(expand_counts("4(x2),2"), ElementsAre(4, 4, 2));
  for (const std::string text : {"", "0", "x", "4(x", "4(x2", "4(xa)", "4,", "1(x99999999)"}) {
    EXPECT_THROW(static_cast<void>(expand_counts(text)), Refusal) << text;
  }
}

}  // namespace
}  // namespace mpx::runner
