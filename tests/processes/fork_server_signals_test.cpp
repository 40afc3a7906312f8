#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "fork_server_support.hpp"
#include "processes/fork_server.hpp"
#include "processes/launcher_environment.hpp"
#include "processes/stop_signal.hpp"

namespace mpx::detail {
namespace {

using namespace testing;

class ForkServerSignals : public ::testing::Test {
 protected:
  void SetUp() override { ::alarm(kTestSeconds); }  // a hang ends the program
  void TearDown() override { ::alarm(0); }
};

// Tells that it is ready, and ends with the stop flag when told to.
int wait_for_end(Birth birth) {
  auto& channel = birth.channel;
  give_byte(channel, 1);
  (void)take_byte(channel);
  return stop_flag() ? 7 : 8;
}

TEST_F(ForkServerSignals, OfALauncherToTheWholeGroupEndNobody) {
  const int status = in_fake_rank([] {
    ::setpgid(0, 0);
    for (const int signo : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) ::signal(signo, SIG_IGN);
    Launcher rank(wait_for_end);
    std::vector<Channel> channels;
    for (std::uint64_t serial = 1; serial <= 8; ++serial) {
      channels.push_back(rank.spawn(serial));
      ::kill(0, SIGTERM);  // while it is being forked, too
    }
    for (auto& channel : channels) {
      if (take_byte(channel) != 1) return 1;
    }
    for (int i = 0; i < 500; ++i) {
      for (const int signo : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGCONT}) ::kill(0, signo);
      ::kill(rank.forker.pid(), SIGTERM);  // as srun does, which knows each process
    }
    for (auto& channel : channels) give_byte(channel, 2);
    for (std::uint64_t serial = 1; serial <= 8; ++serial) {
      if (rank.next(Type::exited, serial).status != 7 << 8) return 2;
    }
    return 0;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(ForkServerSignals, AnnouncedOnesTerminate) {
  // Where they are ignored, as in a shell's background, they stay so.
  ::signal(SIGINT, SIG_DFL);
  ::signal(SIGHUP, SIG_DFL);
  Launcher rank(wait_for_end);
  std::uint64_t serial = 0;
  for (const int signo : {SIGTERM, SIGINT, SIGKILL, SIGHUP}) {
    auto channel = rank.spawn(++serial);
    EXPECT_EQ(take_byte(channel), 1);
    rank.forker.signal(serial, signo);
    EXPECT_EQ(rank.next(Type::exited, serial).status, signo);
  }
  auto channel = rank.spawn(++serial);  // in a slot that an announcement was made in
  EXPECT_EQ(take_byte(channel), 1);
  ::kill(rank.next(Type::started, serial).pid, SIGTERM);
  give_byte(channel, 2);
  EXPECT_EQ(rank.next(Type::exited, serial).status, 7 << 8);
}

TEST_F(ForkServerSignals, ThatAskTheJobToStopEndNoSleepOfAChild) {
  Launcher rank([](Birth birth) {
    auto& channel = birth.channel;
    give_byte(channel, 1);
    const bool slept = ::poll(nullptr, 0, 200) == 0 && ::sleep(1) == 0;
    give_byte(channel, 2);
    return slept ? 0 : 1;
  });
  auto channel = rank.spawn(1);
  EXPECT_EQ(take_byte(channel), 1);
  const auto pid = rank.next(Type::started).pid;
  while (!channel.readable()) {
    for (const int signo : {SIGUSR1, SIGUSR2}) ::kill(pid, signo);
    ::usleep(1000);
  }
  EXPECT_EQ(rank.next(Type::exited).status, 0);
}

int disposition(int signo) {  // 0: default, 1: ignored, 2: a handler
  struct sigaction action {};
  ::sigaction(signo, nullptr, &action);
  if ((action.sa_flags & SA_SIGINFO) != 0) return 2;
  return action.sa_handler == SIG_DFL ? 0 : action.sa_handler == SIG_IGN ? 1 : 2;
}

TEST_F(ForkServerSignals, ThatTheRankIgnoresOrBlocksAreAChildsAsUsersExpect) {
  const int status = in_fake_rank([] {
    sigset_t all;
    ::sigfillset(&all);
    for (const int signo : {SIGCHLD, SIGTERM, SIGVTALRM, SIGHUP, SIGINT, SIGQUIT, SIGPIPE})
      ::signal(signo, SIG_IGN);
    ::signal(SIGPROF, [](int) {});  // of the program
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    Launcher rank([](const Birth& /*birth*/) {
      sigset_t blocked;
      ::sigprocmask(SIG_SETMASK, nullptr, &blocked);
      if (::sigisemptyset(&blocked) == 0) return 1;
      for (const int signo : {SIGCHLD, SIGVTALRM}) {
        if (disposition(signo) != 0) return 2;
      }
      for (const int signo : {SIGHUP, SIGINT, SIGQUIT, SIGPIPE}) {
        if (disposition(signo) != 1) return 3;
      }
      if (disposition(SIGTERM) != 2 || disposition(SIGPROF) != 2) return 4;
      return std::system("exit 5") == 5 << 8 ? 0 : 5;
    });
    auto channel = rank.spawn(1);
    return rank.next(Type::exited, 1).status >> 8;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(ForkServerSignals, EndACopyThatAChildHasForked) {
  Launcher rank([](const Birth& birth) {
    const pid_t copy = ::fork();
    if (copy == 0) {
      for (;;) ::pause();
    }
    if (birth.serial == 2) ::usleep(100'000);
    ::kill(copy, SIGUSR1);  // which launchers send to all
    ::kill(copy, SIGTERM);
    int status = 0;
    ::waitpid(copy, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  });
  for (const std::uint64_t serial : {1, 2}) {  // at once, and when it sleeps
    auto channel = rank.spawn(serial);
    EXPECT_EQ(rank.next(Type::exited, serial).status, SIGTERM << 8);
  }
}

TEST(LauncherEnvironment, TellsALaunchersVariablesFromAUsers) {
  for (const char* name : {"OMPI_COMM_WORLD_RANK",
                           "OMPI_UNIVERSE_SIZE",
                           "OMPI_MCA_orte_hnp_uri",
                           "OMPI_MCA_ess",
                           "OMPI_MCA_ess_base_jobid",
                           "OMPI_MCA_pmix",
                           "OMPI_MCA_initial_wdir",
                           "OMPI_COMMAND",
                           "OMPI_ARGV",
                           "OMPI_FILE_LOCATION",
                           "OMPI_FIRST_RANKS",
                           "OMPI_NUM_APP_CTX",
                           "OMPI_APP_CTX_NUM_PROCS",
                           "PMIX_RANK",
                           "PMIX_SERVER_URI41",
                           "PRTE_LAUNCHED",
                           "PRTE_SHARED_FS",
                           "OMPI_WORLD_SIZE",
                           "OMPI_MCA_num_procs",
                           "OMPI_MCA_PREFIXES",
                           "OMPI_TOOL_NAME",
                           "MPX_SLOTS",
                           "MPX_COMPLETION"}) {
    EXPECT_TRUE(is_launcher_variable(name)) << name;
  }
  for (const char* name :
       {"OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "OMPI_MCA_btl",
        "OMPI_MCA_btl_tcp_if_include", "OMPI_MCA_rmaps_base_oversubscribe", "OMPI_MCA_osc",
        "PMIX_MCA_gds", "PRTE_MCA_hwloc_default_binding_policy", "PRTE_ALLOW_RUN_AS_ROOT",
        "MPX_LOG", "SLURM_JOB_ID", "PATH"}) {
    EXPECT_FALSE(is_launcher_variable(name)) << name;
  }
}

TEST_F(ForkServerSignals, ChildrenSeeNoLaunchersVariables) {
  const int status = in_fake_rank([] {
    ::setenv("OMPI_COMM_WORLD_RANK", "0", 1);
    ::setenv("PMIX_NAMESPACE", "1", 1);
    ::setenv("PMIX_RANK", "0", 1);
    ::setenv("OMPI_MCA_btl", "self,vader", 1);
    Launcher rank([](const Birth& /*birth*/) {
      const char* kept = std::getenv("OMPI_MCA_btl");
      if (std::getenv("OMPI_COMM_WORLD_RANK") || std::getenv("PMIX_RANK")) return 1;
      return kept && std::strcmp(kept, "self,vader") == 0 ? 0 : 2;
    });
    auto channel = rank.spawn(1);
    if (!std::getenv("PMIX_RANK")) return 3;  // the rank's own stay
    return rank.next(Type::exited).status;
  });
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace mpx::detail
