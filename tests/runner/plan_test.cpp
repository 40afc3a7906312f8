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
    facts_.self = "/bin/mpx-run";
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

  Plan plan(const std::vector<Host>& hosts = {}) {
    return make_plan(options_, facts_, {hosts, hosts == facts_.allocation.hosts});
  }

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
  /// The user has set the one variable that ranks on several nodes would always get.
  std::map<std::string, std::string> environment_{{"OMPI_MCA_opal_event_include", "select"}};
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

TEST_F(PlanTest, RanksOnSeveralNodesGetEpollAndMpirunItselfDoesNot) {
  const char* kVariable = "OMPI_MCA_opal_event_include";
  environment_.clear();
  const auto two = plan({{"a", 1}, {"b", 1}});
  EXPECT_THAT(two.command, Contains("OMPI_MCA_opal_event_include=epoll"));
  EXPECT_THAT(two.environment, Not(Contains(Key(kVariable))));
  EXPECT_THAT(to_shell(plan({{"a", 1}})), Not(HasSubstr(kVariable)));
  options_.exports = {"OMPI_MCA_opal_event_include=poll"};
  EXPECT_THAT(to_shell(plan({{"a", 1}, {"b", 1}})), Not(HasSubstr("=epoll")));
  options_.exports.clear();
  facts_.version = {5, 0};
  EXPECT_THAT(to_shell(plan({{"a", 1}, {"b", 1}})), Not(HasSubstr(kVariable)));
}

TEST_F(PlanTest, SetsWhatOpenMpi5Needs) {
  facts_.version = {5, 0};
  EXPECT_THAT(plan().environment,
              ElementsAre(Pair("PRTE_MCA_rmaps_default_mapping_policy", "slot:oversubscribe"),
                          Pair("PRTE_MCA_hwloc_default_binding_policy", "none")));
  EXPECT_THAT(plan({{"a", 1}, {"b", 1}}).environment,
              Contains(Pair("PRTE_MCA_oob_tcp_keepalive_time", "3")));
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

TEST_F(PlanTest, EveryRankWritesToAFileOfItsOwnByWayOfOurselves) {
  options_.output = "/out put";
  EXPECT_THAT(to_shell(plan()),
              HasSubstr("-x MPX_SLOTS=6 /bin/mpx-run --as-rank '/out put' ./program 1"));
}

TEST_F(PlanTest, TagsLinesItselfSinceMpirunTearsAndDropsThem) {
  options_.tag_output = true;
  for (const int major : {4, 5}) {
    facts_.version = {major, 0};
    const auto line = to_shell(plan());
    EXPECT_THAT(line, HasSubstr(" /bin/mpx-run --as-rank '' ./program 1"));
    EXPECT_THAT(line, Not(HasSubstr("tag")));
  }
}

TEST_F(PlanTest, AHangUpThatIsIgnoredIsSoByTheRanks) {
  facts_.hangup_is_ignored = true;
  EXPECT_THAT(plan().command, Contains("trap '' HUP; exec \"$@\""));
}

TEST_F(PlanTest, CoresForEachSlotAreTakenFromTheCores) {
  options_.cpus_per_slot = 4;
  EXPECT_THAT(to_shell(plan()), HasSubstr("-x MPX_SLOTS=1 -x MPX_CPUS_PER_SLOT=4 ./program"));
  options_.workers = 3;
  EXPECT_THAT(to_shell(plan()), HasSubstr("-x MPX_SLOTS=3 -x MPX_CPUS_PER_SLOT=4 ./program"));
  options_.workers.reset();
  // Slots that the user has named are no cores.
  EXPECT_THAT(to_shell(plan({{"a", 8}})), HasSubstr("-x MPX_SLOTS=8 -x MPX_CPUS_PER_SLOT=4"));
}

TEST_F(PlanTest, ALongListOfEqualSlotsIsOneNumber) {
  options_.ranks_per_node = 50;
  options_.slots_per_rank = 2;
  EXPECT_THAT(to_shell(plan({{"a", 100}, {"b", 100}})), HasSubstr("-x MPX_SLOTS=2 ./program"));
}

class InSlurm : public PlanTest {
 protected:
  InSlurm() {
    facts_.srun = "/usr/bin/srun";
    facts_.allocation = {Allocation::System::slurm, "Slurm job 7", {{"n1", 4}, {"n2", 2}}};
  }
  Plan plan() { return PlanTest::plan(facts_.allocation.hosts); }
  std::string refusal() { return PlanTest::refusal(facts_.allocation.hosts); }
};

TEST_F(InSlurm, WithoutNumbersAllOfTheAllocationIsUsed) {
  EXPECT_THAT(plan().command,
              ElementsAre("/usr/bin/mpirun", "-n", "3", "--host", "n1,n1,n2", "--map-by", "seq",
                          "-x", "MPX_SLOTS=4,2", "./program", "1"));
}

TEST_F(InSlurm, RanksAreLeftToMpirunWhichKnowsTheNodes) {
  options_.ranks = 5;
  EXPECT_THAT(plan().command, ElementsAre("/usr/bin/mpirun", "-n", "5", "./program", "1"));
  options_.nodes = 1;
  EXPECT_THAT(plan().command,
              ElementsAre("/usr/bin/mpirun", "-n", "5", "--host", "n1:4", "./program", "1"));
}

TEST_F(InSlurm, SrunGetsAPlaceForEachRank) {
  options_.launcher = Launcher::srun;
  options_.exports = {"A=1,2", "HOME"};
  environment_["HOME"] = "/root";
  const auto made = plan();
  EXPECT_TRUE(made.srun);
  EXPECT_THAT(made.environment, ElementsAre(Pair("SLURM_PMIX_FENCE", "ring"),
                                            Pair("MPX_SLOTS", "4,2"), Pair("A", "1,2")));
  EXPECT_THAT(made.command,
              ElementsAre("/usr/bin/srun", "--mpi=pmix", "--overcommit", "--cpu-bind=none",
                          "--kill-on-bad-exit=1", "--quit-on-interrupt", "--export=ALL",
                          "--input=0", "--ntasks=3", "--nodes=2", "--distribution=arbitrary",
                          "--nodelist=n1,n1,n2", "./program", "1"));
}

TEST_F(InSlurm, SrunPlacesRanksItselfWhereOnlyTheirNumberIsGiven) {
  options_.launcher = Launcher::srun;
  options_.ranks = 6;
  options_.nodes = 2;
  options_.tag_output = true;
  EXPECT_THAT(to_shell(plan()), HasSubstr("--input=0 --ntasks=6 --nodes=2 --label ./program 1"));
}

TEST_F(InSlurm, SrunsRanksWriteToFilesBehindAShellThatBecomesThem) {
  options_.launcher = Launcher::srun;
  options_.output = "/out put";
  EXPECT_THAT(to_shell(plan()),
              HasSubstr("/bin/sh -c 'mkdir -p \"$0\" && exec >\"$0/rank.${PMIX_RANK-$SLURM_PROCID}"
                        "\" 2>&1 && exec \"$@\"' '/out put' ./program 1"));
}

TEST_F(InSlurm, TheUsersFenceIsKept) {
  options_.launcher = Launcher::srun;
  options_.exports = {"SLURM_PMIX_FENCE=tree"};
  EXPECT_THAT(plan().environment,
              ElementsAre(Pair("MPX_SLOTS", "4,2"), Pair("SLURM_PMIX_FENCE", "tree")));
  options_.exports.clear();
  environment_["SLURM_PMIX_FENCE"] = "mixed";
  EXPECT_THAT(plan().environment, ElementsAre(Pair("MPX_SLOTS", "4,2")));
}

TEST_F(InSlurm, AutoTakesSrunWhereThereIsNoMpirun) {
  facts_.mpirun.clear();
  EXPECT_TRUE(plan().srun);
  facts_.srun.clear();
  facts_.mpirun_trouble = "no mpirun";
  EXPECT_EQ(refusal(), "no mpirun");
}

TEST_F(InSlurm, SrunIsRefusedWhereItCannotDoWhatIsAsked) {
  options_.launcher = Launcher::srun;
  environment_["SLURM_HOSTFILE"] = "h";
  EXPECT_THAT(refusal(), HasSubstr("SLURM_HOSTFILE is set (h)"));
  environment_.erase("SLURM_HOSTFILE");
  options_.hosts = "a";
  EXPECT_THAT(refusal(), HasSubstr("do not go with srun"));
  facts_.srun.clear();
  EXPECT_THAT(refusal(), HasSubstr("not on PATH"));
  facts_.allocation = {};
  EXPECT_THAT(refusal(), HasSubstr("inside a Slurm job only"));
}

TEST_F(PlanTest, InPbsAndSgeMpirunIsToldTheNodes) {
  facts_.allocation = {Allocation::System::pbs, "PBS job 7", {{"n1", 4}, {"n2", 2}}};
  EXPECT_THAT(plan(facts_.allocation.hosts).command,
              ElementsAre("/usr/bin/mpirun", "-n", "3", "--host", "n1:2,n2:1", "--map-by", "slot",
                          "-x", "MPX_SLOTS=4,2", "./program", "1"));
  options_.ranks = 5;
  EXPECT_THAT(plan(facts_.allocation.hosts).command,
              ElementsAre("/usr/bin/mpirun", "-n", "5", "--host", "n1:4,n2:2", "./program", "1"));
}

TEST_F(PlanTest, ResourcesAreTheHostsGivenElseThoseOfTheBatchJob) {
  facts_.allocation = {Allocation::System::slurm, "Slurm job 7", {{"n1", 4}}};
  EXPECT_THAT(find_resources(options_, facts_).hosts, ElementsAre(Host{"n1", 4}));
  EXPECT_TRUE(find_resources(options_, facts_).counts_are_cpus);
  options_.hosts = "a:2";
  EXPECT_THAT(find_resources(options_, facts_).hosts, ElementsAre(Host{"a", 2}));
  EXPECT_FALSE(find_resources(options_, facts_).counts_are_cpus);
  options_.hostfile = "h";
  EXPECT_THROW(static_cast<void>(find_resources(options_, facts_)), Refusal);
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
