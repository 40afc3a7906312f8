#include "plan.hpp"

#include <gmock/gmock.h>

#include <map>

#include "refusal.hpp"

namespace mpx::runner {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Key;
using testing::Not;
using testing::Pair;

class PlanTest : public testing::Test {
 protected:
  PlanTest() {
    facts_.mpirun = "/usr/bin/mpirun";
    facts_.version = {4, 1};
    facts_.cores = 6;
    facts_.host_name = "here";
    facts_.environment = [this](const std::string& name) {
      const auto found = environment_.find(name);
      return found != environment_.end() ? std::optional(found->second) : std::nullopt;
    };
    options_.program = {"./program", "1"};
  }

  Plan plan(const std::vector<Host>& hosts = {}) { return make_plan(options_, facts_, hosts); }

  std::string refusal(const std::vector<Host>& hosts = {}) {
    try {
      static_cast<void>(plan(hosts));
    } catch (const Refusal& refusal) {
      return refusal.what();
    }
    return "accepted";
  }

  Options options_;
  Facts facts_;
  std::map<std::string, std::string> environment_;
};

TEST_F(PlanTest, WithoutNumbersEveryCoreIsASlotOfOneWorkerRank) {
  EXPECT_THAT(plan().command,
              ElementsAre("/usr/bin/mpirun", "-n", "2", "-x", "MPX_SLOTS=6", "./program", "1"));
}

TEST_F(PlanTest, WorkersOnOneNodeAreSlotsOfOneWorkerRank) {
  options_.workers = 40;
  EXPECT_THAT(plan().command,
              ElementsAre("/usr/bin/mpirun", "-n", "2", "-x", "MPX_SLOTS=40", "./program", "1"));
}

TEST_F(PlanTest, RanksAreLeftToMpirun) {
  options_.ranks = 3;
  options_.hostfile = "hosts.txt";
  options_.hosts = "a,b";
  EXPECT_THAT(plan().command, ElementsAre("/usr/bin/mpirun", "-n", "3", "--hostfile", "hosts.txt",
                                          "--host", "a,b", "./program", "1"));
}

TEST_F(PlanTest, WorkersOnSeveralNodesAreSharedOutByTheirSlots) {
  options_.workers = 6;
  EXPECT_THAT(plan({{"a", 4}, {"b", 4}, {"c", 4}}).command,
              ElementsAre("/usr/bin/mpirun", "-n", "4", "--host", "a:2,b:1,c:1", "--map-by", "slot",
                          "-x", "MPX_SLOTS=2,2,2", "./program", "1"));
}

TEST_F(PlanTest, WithoutNumbersAllSlotsOfTheHostsAreUsed) {
  EXPECT_THAT(plan({{"a", 4}, {"b", 2}}).command, Contains("MPX_SLOTS=4,2"));
  EXPECT_THAT(plan({{"here", {}}, {"b", 2}}).command, Contains("MPX_SLOTS=6,2"));
  EXPECT_THAT(refusal({{"a", 4}, {"b", {}}}), HasSubstr("how many slots b has"));
}

TEST_F(PlanTest, NodesWithoutAShareGetNoWorkerRank) {
  options_.workers = 1;
  EXPECT_THAT(plan({{"a", 8}, {"b", 1}}).command,
              ElementsAre("/usr/bin/mpirun", "-n", "2", "--host", "a:2", "--map-by", "slot", "-x",
                          "MPX_SLOTS=1", "./program", "1"));
  EXPECT_THAT(plan({{"a", 1}, {"b", 8}}).command,
              ElementsAre("/usr/bin/mpirun", "-n", "2", "--host", "a:1,b:1", "--map-by", "slot",
                          "-x", "MPX_SLOTS=1", "./program", "1"));
}

TEST_F(PlanTest, UserVariablesAndMpiArgumentsComeBeforeTheProgram) {
  environment_["B"] = "2";
  options_.ranks = 1;
  options_.exports = {"A=1", "B"};
  options_.mpi_arguments = {"--mca", "btl", "self"};
  EXPECT_THAT(plan().command, ElementsAre("/usr/bin/mpirun", "-n", "1", "-x", "A=1", "-x", "B",
                                          "--mca", "btl", "self", "./program", "1"));
}

TEST_F(PlanTest, RefusesToHandOnAVariableThatIsNotSet) {
  options_.exports = {"MISSING"};
  EXPECT_THAT(refusal(), HasSubstr("MISSING is not set"));
}

TEST_F(PlanTest, SetsWhatOpenMpi4Needs) {
  const auto environment = plan().environment;
  EXPECT_THAT(environment, Contains(Pair("OMPI_MCA_rmaps_base_oversubscribe", "1")));
  EXPECT_THAT(environment, Contains(Pair("OMPI_MCA_hwloc_base_binding_policy", "none")));
  EXPECT_THAT(environment, Contains(Pair("OMPI_MCA_osc", "sm,pt2pt")));
  EXPECT_THAT(environment, Not(Contains(Key("OMPI_MCA_oob_tcp_keepalive_time"))));
  EXPECT_THAT(plan({{"a", 1}, {"b", 1}}).environment,
              Contains(Key("OMPI_MCA_oob_tcp_keepalive_time")));
}

TEST_F(PlanTest, SetsWhatOpenMpi5Needs) {
  facts_.version = {5, 0};
  EXPECT_THAT(plan().environment,
              ElementsAre(Pair("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe"),
                          Pair("PRTE_MCA_hwloc_default_binding_policy", "none")));
}

TEST_F(PlanTest, LeavesAloneWhatTheUserHasSet) {
  environment_["OMPI_MCA_osc"] = "ucx";
  facts_.user_parameters = {"hwloc_base_binding_policy"};
  options_.exports = {"OMPI_MCA_rmaps_base_oversubscribe=0"};
  EXPECT_THAT(plan().environment, ElementsAre());
}

TEST_F(PlanTest, LeavesOneSidedCommunicationToInfiniBandWhereThereIsOne) {
  facts_.infiniband = true;
  EXPECT_THAT(plan().environment, Not(Contains(Key("OMPI_MCA_osc"))));
}

TEST_F(PlanTest, RunsAsRootOnlyWhereTheUserAllowsIt) {
  facts_.root = true;
  EXPECT_THAT(refusal(), HasSubstr("refuses to run as root"));
  environment_["OMPI_ALLOW_RUN_AS_ROOT"] = "1";
  EXPECT_THAT(refusal(), HasSubstr("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"));
  environment_["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
  EXPECT_EQ(refusal(), "accepted");
  environment_.clear();
  options_.mpi_arguments = {"--allow-run-as-root"};
  EXPECT_EQ(refusal(), "accepted");
}

TEST_F(PlanTest, IsPrintedAsALineForTheShell) {
  const Plan plan{{"/usr/bin/mpirun", "-n", "1", "-x", "A=b c", "it's", "", "$x", "a;b"},
                  {{"NAME", "sm,pt2pt"}, {"OTHER", "a b"}}};
  EXPECT_EQ(to_shell(plan),
            "NAME=sm,pt2pt OTHER='a b' /usr/bin/mpirun -n 1 -x 'A=b c' 'it'\\''s' '' '$x' 'a;b'");
}

TEST(IsLocal, KnowsThisMachineByItsNames) {
  EXPECT_TRUE(is_local("localhost", "node1"));
  EXPECT_TRUE(is_local("127.0.0.1", "node1"));
  EXPECT_TRUE(is_local("node1", "node1.cluster"));
  EXPECT_TRUE(is_local("node1.cluster", "node1"));
  EXPECT_FALSE(is_local("node2", "node1"));
  EXPECT_FALSE(is_local("10.0.0.1", "10"));
}

}  // namespace
}  // namespace mpx::runner
