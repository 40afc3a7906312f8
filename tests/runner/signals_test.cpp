#include "signals.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "capture.hpp"

namespace mpx::runner {
namespace {

using namespace std::chrono_literals;

// Whether `test` holds in a process of its own, which has a minute for it.
bool holds(const std::function<bool()>& test) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    ::_exit(test() ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status == 0;
}

TEST(Signals, OfAnUnkindParentAreThoseWithWhichChildrenCanBeWaitedFor) {
  EXPECT_TRUE(holds([] {
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGALRM);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    std::signal(SIGCHLD, SIG_IGN);
    std::signal(SIGPIPE, SIG_IGN);
    for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) std::signal(signal, SIG_DFL);
    reset_signals();
    const Captured captured = capture({{"sh", "-c", "grep ^Sig /proc/self/status"}, {}}, 50s);
    const auto is_zero = [&](const std::string& what) {
      return captured.out.find(what + ":\t0000000000000000") != std::string::npos;
    };
    return captured.fine() && is_zero("SigBlk") && is_zero("SigIgn");
  }));
}

TEST(Signals, ThatEndAJobStayIgnored) {
  EXPECT_TRUE(holds([] {
    std::signal(SIGHUP, SIG_DFL);
    for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGUSR1}) std::signal(signal, SIG_IGN);
    reset_signals();
    const sigset_t set = heeded({SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1});
    return is_ignored(SIGINT) && is_ignored(SIGQUIT) && is_ignored(SIGTERM) &&
           !is_ignored(SIGHUP) && !is_ignored(SIGUSR1) && sigismember(&set, SIGHUP) == 1 &&
           sigismember(&set, SIGUSR1) == 1 && sigismember(&set, SIGINT) == 0 &&
           sigismember(&set, SIGTERM) == 0;
  }));
}

TEST(Descriptors, ThatWereClosedAreNotTakenByOtherFiles) {
  EXPECT_TRUE(holds([] {
    ::close(0);
    ::close(2);
    fill_standard_descriptors();
    struct stat null {};
    struct stat in {};
    struct stat err {};
    ::stat("/dev/null", &null);
    return ::fstat(0, &in) == 0 && ::fstat(2, &err) == 0 && in.st_rdev == null.st_rdev &&
           err.st_rdev == null.st_rdev && ::open("/dev/zero", O_RDONLY) > 2;
  }));
}

}  // namespace
}  // namespace mpx::runner
