#include "doctor_checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace mpx::runner {
namespace {

using How = ProbeEnd::How;
using testing::HasSubstr;
using testing::IsEmpty;

NodeFacts healthy_node(const std::string& host, int rank) {
  NodeFacts node;
  node.host = host;
  node.rank = rank;
  node.cores = 8;
  node.slots = rank == 0 ? 0 : 4;
  node.build = "0123456789abcdef";
  node.open_files = 1024;
  node.processes = 30000;
  node.locked_memory = 8 << 20;
  node.core_pattern = "core";
  node.shm_free = std::uint64_t{8} << 30;
  node.tmp = "/tmp";
  return node;
}

DoctorFacts healthy() {
  DoctorFacts facts;
  facts.mpirun = "/usr/bin/mpirun";
  facts.mpi_version = "mpirun (Open MPI) 4.1.4";
  facts.version = {4, 1};
  facts.launcher = "mpirun";
  facts.host_name = "a";
  facts.hosts = {{"a", 4}, {"b", 4}};
  facts.limit = std::chrono::seconds(30);
  facts.node_probe.how = facts.mpi_probe.how = facts.words_probe.how = How::fine;
  facts.mpi_probe.answers = {
      {"library", "Open MPI v4.1.4"}, {"built", "4.1.4"},     {"threads", "2"},     {"ranks", "3"},
      {"messages", "fine"},           {"component", "pt2pt"}, {"one-sided", "fine"}};
  facts.words_probe.answers = {{"words", "fine"}};
  facts.nodes = {healthy_node("a", 0), healthy_node("a", 1), healthy_node("b", 2)};
  return facts;
}

std::vector<Row> all_rows(const DoctorFacts& facts) {
  auto rows = check_job(facts);
  for (Row& row : check_nodes(facts)) rows.push_back(std::move(row));
  return rows;
}

Row row(const DoctorFacts& facts, const std::string& check) {
  for (Row& found : all_rows(facts)) {
    if (found.check == check) return found;
  }
  ADD_FAILURE() << "no row " << check;
  return {};
}

TEST(Doctor, FindsNothingWrongWithAHealthyCluster) {
  for (const Row& row : all_rows(healthy())) {
    EXPECT_EQ(row.level, Level::ok) << row.check << ": " << row.found;
    EXPECT_THAT(row.advice, IsEmpty()) << row.check;
    EXPECT_FALSE(row.found.empty()) << row.check;
  }
}

TEST(Doctor, SaysWhatToDoAboutWhateverIsNotOk) {
  DoctorFacts nothing;  // no mpirun, and so nothing else
  nothing.mpirun_trouble = "mpirun is not on PATH; install Open MPI";
  nothing.nodes = {NodeFacts{}};
  for (const Row& row : all_rows(nothing)) {
    EXPECT_NE(row.level == Level::ok, !row.advice.empty()) << row.check;
  }
  const Row mpirun = row(nothing, "mpirun");
  EXPECT_EQ(mpirun.level, Level::bad);
  EXPECT_EQ(mpirun.found, "mpirun is not on PATH");
  EXPECT_EQ(mpirun.advice, "install Open MPI");
}

TEST(Doctor, NeedsNoMpirunWhereSrunStartsTheRanks) {
  auto facts = healthy();
  facts.launcher = "srun";
  facts.mpirun = facts.mpi_version = "";
  EXPECT_EQ(row(facts, "mpirun").level, Level::ok);
  EXPECT_EQ(row(facts, "mpirun").found, "not there; srun starts the ranks");
}

TEST(Doctor, NamesTheHostsThatCannotBeReached) {
  auto facts = healthy();
  facts.node_probe = {How::failed, 213, "ORTE was unable to reliably start", "", {}};
  facts.mpi_probe = facts.words_probe = {};
  facts.lost = {{"b", "ssh: Could not resolve hostname b"}};
  const Row start = row(facts, "start");
  EXPECT_EQ(start.level, Level::bad);
  EXPECT_EQ(start.found, "b: ssh: Could not resolve hostname b");
  EXPECT_THAT(start.advice, HasSubstr("ssh NODE true"));
  EXPECT_EQ(row(facts, "libmpx").found, "not known");
}

TEST(Doctor, TellsInWhichStepAProbeCrashedOrHung) {
  auto facts = healthy();
  facts.mpi_probe.answers.erase("one-sided");
  facts.mpi_probe.how = How::failed;
  facts.mpi_probe.status = 139;
  facts.mpi_probe.step = "MPI_Compare_and_swap";
  facts.mpi_probe.answers["component"] = "rdma";
  facts.words_probe.how = How::timed_out;
  facts.words_probe.step = "libmpx";
  const Row one_sided = row(facts, "one-sided");
  EXPECT_EQ(one_sided.level, Level::bad);
  EXPECT_EQ(one_sided.found,
            "component rdma: killed by signal 11 (Segmentation fault) in MPI_Compare_and_swap");
  EXPECT_THAT(one_sided.advice, HasSubstr("sm,pt2pt"));
  EXPECT_EQ(row(facts, "messages").level, Level::ok);
  const Row libmpx = row(facts, "libmpx");
  EXPECT_EQ(libmpx.level, Level::bad);
  EXPECT_EQ(libmpx.found, "no answer within 30 s in libmpx");
  facts.messages_carry = true;
  EXPECT_THAT(row(facts, "libmpx").advice, HasSubstr("MPX_WORDS=messages"));
}

TEST(Doctor, OnlyWarnsOfOneSidedCommunicationThatLibmpxDoesWithout) {
  auto facts = healthy();
  facts.mpi_probe.answers.erase("one-sided");
  facts.mpi_probe.answers["failed"] = "MPI_Win_allocate: MPI_ERR_WIN: invalid window";
  facts.mpi_probe.how = How::failed;
  EXPECT_EQ(row(facts, "one-sided").level, Level::warn);
  EXPECT_THAT(row(facts, "one-sided").found, HasSubstr("MPI_ERR_WIN"));
}

TEST(Doctor, ComparesTheThreeVersionsOfOpenMpi) {
  auto facts = healthy();
  facts.version = {5, 0};
  EXPECT_THAT(row(facts, "libmpi").found, HasSubstr("but mpirun is 5.0"));
  facts.mpi_probe.answers["library"] = "Open MPI v5.0.7";
  EXPECT_THAT(row(facts, "libmpi").found, HasSubstr("but libmpx was built for 4.1.4"));
  facts.mpi_probe.answers["library"] = "Open MPI v4.1.9";
  facts.version = {4, 1};
  EXPECT_EQ(row(facts, "libmpi").level, Level::ok);
}

TEST(Doctor, ComparesTheBuildsOfLibmpx) {
  auto facts = healthy();
  facts.nodes[2].build = "fedcba9876543210";
  const Row build = row(facts, "same build");
  EXPECT_EQ(build.level, Level::bad);
  EXPECT_EQ(build.found, "0123456789ab on a; fedcba987654 on b");
}

TEST(Doctor, NeedsSerializedThreads) {
  auto facts = healthy();
  facts.mpi_probe.answers["threads"] = "1";
  EXPECT_EQ(row(facts, "threads").level, Level::bad);
  EXPECT_EQ(row(facts, "threads").found, "MPI_THREAD_FUNNELED");
}

TEST(Doctor, FindsHostNamesThatDoNotResolveOrAreOneNode) {
  auto facts = healthy();
  facts.nodes[2].unresolved = {"a"};
  EXPECT_EQ(row(facts, "host names").found, "not known on b: a");
  facts.unresolved = {"b"};
  EXPECT_EQ(row(facts, "host names").found, "not known here: b; not known on b: a");
  facts = healthy();
  facts.nodes[2].host = "a";
  EXPECT_EQ(row(facts, "host names").level, Level::warn);
}

TEST(Doctor, NamesTheNodesWhoseLimitsAreTooLow) {
  auto facts = healthy();
  facts.nodes[2].open_files = 100;
  const Row files = row(facts, "open files");
  EXPECT_EQ(files.level, Level::bad);
  EXPECT_EQ(files.found, "b: 100, for 4 slots at least 166");
  EXPECT_THAT(files.advice, HasSubstr("ulimit -n 1024"));
  facts.nodes[1].processes = 64;
  EXPECT_EQ(row(facts, "processes").level, Level::bad);
  facts.nodes[1].core_size = NodeFacts::kUnlimited;
  EXPECT_EQ(row(facts, "core files").level, Level::warn);
  facts.nodes[1].core_pattern = "|/usr/bin/coredump";
  EXPECT_EQ(row(facts, "core files").level, Level::ok);
}

TEST(Doctor, WantsLockedMemoryOnlyWithInfiniBand) {
  auto facts = healthy();
  facts.nodes[2].infiniband = true;
  EXPECT_EQ(row(facts, "locked memory").level, Level::bad);
  facts.nodes[2].locked_memory = NodeFacts::kUnlimited;
  EXPECT_EQ(row(facts, "locked memory").level, Level::ok);
}

TEST(Doctor, CountsSlotsAgainstCores) {
  auto facts = healthy();
  EXPECT_EQ(row(facts, "slots").found, "4 slots on 8 cores");
  facts.nodes[2].slots = 9;
  EXPECT_EQ(row(facts, "slots").level, Level::warn);
  EXPECT_EQ(row(facts, "slots").found, "b: 9 slots on 8 cores");
}

TEST(Doctor, LooksForRoomInSharedMemory) {
  auto facts = healthy();
  facts.nodes[0].shm_free = facts.nodes[1].shm_free = 17 << 20;
  EXPECT_EQ(row(facts, "/dev/shm").level, Level::warn);
  facts.nodes[2].shm_free = 1 << 20;
  EXPECT_EQ(row(facts, "/dev/shm").level, Level::bad);
  EXPECT_EQ(row(facts, "/dev/shm").found, "b: 1 MiB free, for 2 ranks better 32 MiB");
  facts.version = {5, 0};
  facts.nodes[0].shm_free = facts.nodes[1].shm_free = 60 << 20;
  EXPECT_EQ(row(facts, "/dev/shm").found, "b: 1 MiB free, for 2 ranks better 56 MiB");
  facts.nodes[2].shm_trouble = "Read-only file system";
  EXPECT_EQ(row(facts, "/dev/shm").found, "b: Read-only file system");
}

TEST(Doctor, KnowsThePitfallsOfTemporaryFolders) {
  auto facts = healthy();
  facts.nodes[1].sees_marker = true;  // its own
  EXPECT_EQ(row(facts, "temporary files").level, Level::ok);
  facts.nodes[2].tmp = "/" + std::string(70, 'x');
  EXPECT_EQ(row(facts, "temporary files").level, Level::warn);
  facts.nodes[2].sees_marker = true;
  EXPECT_THAT(row(facts, "temporary files").found, HasSubstr("is shared with a"));
  facts.nodes[2].tmp_network = "NFS";
  EXPECT_THAT(row(facts, "temporary files").found, HasSubstr("is on NFS"));
  facts.nodes[2].tmp_trouble = "Permission denied";
  EXPECT_EQ(row(facts, "temporary files").level, Level::bad);
}

TEST(Doctor, WantsPmixOfSlurmWhereSrunStartsTheRanks) {
  auto facts = healthy();
  facts.srun_mpi_types = "MPI plugin types are...\n\tnone\n\tpmi2\n\tpmix";
  EXPECT_EQ(row(facts, "Slurm").level, Level::ok);
  EXPECT_THAT(row(facts, "Slurm").found, HasSubstr("set SLURM_PMIX_FENCE=ring"));
  facts.pmix_fence = true;
  EXPECT_EQ(row(facts, "Slurm").found, "srun --mpi=pmix is there");
  facts.srun_mpi_types = "MPI plugin types are...\n\tnone\n\tpmi2";
  EXPECT_EQ(row(facts, "Slurm").level, Level::warn);
  facts.launcher = "srun";
  EXPECT_EQ(row(facts, "Slurm").level, Level::bad);
  facts.srun_trouble = "no configuration";
  EXPECT_EQ(row(facts, "Slurm").found, "srun does not work: no configuration");
}

TEST(Doctor, SaysOnceWhatIsTheSameOnManyNodes) {
  auto facts = healthy();
  for (int i = 3; i < 100; ++i) {
    facts.nodes.push_back(healthy_node("n" + std::to_string(i), i));
    facts.nodes.back().open_files = 64;
  }
  const Row files = row(facts, "open files");
  EXPECT_THAT(files.found, HasSubstr("n3, n4, n5 and 94 more: 64,"));
}

TEST(DoctorTable, HasALineForEachCheck) {
  const std::string table = to_table(
      {{Level::ok, "mpirun", "4.1"}, {Level::bad, "open files", "64\nof them", "ulimit -n 1024"}});
  EXPECT_EQ(table,
            "mpirun      ok    4.1\n"
            "open files  bad   64 of them -> ulimit -n 1024\n"
            "2 checks: 1 ok, 0 warn, 1 bad\n");
}

TEST(ProbeAnswers, KeepTheFirstFailureAndTheLastStep) {
  ProbeEnd end;
  read_answers("step MPI_Init\nthreads 2\nfailed one\nstep MPI_Win_allocate\nfailed two\nnoise\n",
               end);
  EXPECT_EQ(end.step, "MPI_Win_allocate");
  EXPECT_EQ(end.answers.at("failed"), "one");
  EXPECT_EQ(end.answers.at("threads"), "2");
}

}  // namespace
}  // namespace mpx::runner
