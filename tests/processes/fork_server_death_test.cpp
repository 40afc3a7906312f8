#include <gtest/gtest.h>
#include <sys/prctl.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "fork_server_support.hpp"
#include "processes/fork_server.hpp"

namespace mpx::detail {
namespace {

using namespace testing;
using std::chrono::steady_clock;

/// What a fake rank tells the test about its descendants: one pid a write, through a pipe.
struct Pids {
  Pids() {
    if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
  }
  ~Pids() {
    for (const int end : ends) ::close(end);
  }
  void tell() const {
    const pid_t pid = ::getpid();
    if (::write(ends[1], &pid, sizeof pid) != sizeof pid) ::_exit(9);
  }
  [[nodiscard]] pid_t next() const {
    pid_t pid = 0;
    pollfd fd{ends[0], POLLIN, 0};
    if (::poll(&fd, 1, kWaitMs) == 1 && ::read(ends[0], &pid, sizeof pid) == sizeof pid) return pid;
    return -1;
  }
  int ends[2];
};

[[noreturn]] void pause_for_ever() {
  for (;;) ::pause();
}

void ignore_all_signals() {
  for (int signo = 1; signo < 32; ++signo) ::signal(signo, SIG_IGN);
}

// Seven processes; all but one would outlive their rank if nobody saw to it.
constexpr int kDescendants = 7;
int descendants_main(const Pids& pids, std::uint64_t serial) {
  if (serial == 1) ignore_all_signals();
  if (serial == 2 && ::fork() == 0) {  // a daemon: another session, its parents gone
    ::setsid();
    if (::fork() != 0) ::_exit(0);
    ignore_all_signals();
    if (::fork() == 0) ::setpgid(0, 0);  // and its child
    pids.tell();
    pause_for_ever();
  }
  if (serial == 3 && ::fork() == 0) {  // a child that lives on, its parent gone
    pids.tell();
    pause_for_ever();
  }
  pids.tell();
  if (serial == 3) return 0;
  if (serial == 4) ::raise(SIGSTOP);
  pause_for_ever();
}

class ForkServerDeath : public ::testing::Test {
 protected:
  void SetUp() override { ::alarm(kTestSeconds); }  // a hang ends the program
  void TearDown() override { ::alarm(0); }

  // Forks a rank with all those descendants, kills it by `kill_rank(its pid)`, and expects that
  // nobody is left two seconds later.
  template <class Kill>
  void expect_nobody_survives(Kill kill_rank, bool with_fork_of_rank = false) {
    Pids pids;
    const pid_t rank = ::fork();
    if (rank == 0) {
      ::setpgid(0, 0);
      Launcher launcher([&](const Birth& birth) { return descendants_main(pids, birth.serial); });
      if (with_fork_of_rank && ::fork() == 0) {  // holds the rank's sockets open for a while
        ::prctl(PR_SET_PDEATHSIG, 0);
        ::alarm(10);
        pause_for_ever();
      }
      std::vector<Channel> channels;
      for (std::uint64_t serial = 1; serial <= 4; ++serial)
        channels.push_back(launcher.spawn(serial));
      pause_for_ever();
    }
    ::setpgid(rank, rank);
    std::vector<Watch> watches;
    for (int i = 0; i < kDescendants; ++i) watches.emplace_back(pids.next());
    for (const auto& watch : watches) EXPECT_GT(watch.pid(), 0);
    kill_rank(rank);
    const auto limit = steady_clock::now() + std::chrono::seconds(2);
    for (const auto& watch : watches) {
      EXPECT_TRUE(!watch.opened() || watch.ended_by(limit)) << watch.pid();
    }
    int status = 0;
    EXPECT_EQ(::waitpid(rank, &status, 0), rank);
    EXPECT_EQ(status & 0x7f, SIGKILL);
  }
};

TEST_F(ForkServerDeath, OfTheRankLeavesNobody) {
  expect_nobody_survives([](pid_t rank) { ::kill(rank, SIGKILL); });
}

TEST_F(ForkServerDeath, OfTheWholeGroupLeavesNobody) {
  expect_nobody_survives([](pid_t rank) { ::kill(-rank, SIGKILL); });
}

TEST_F(ForkServerDeath, OfARankThatForkedByItselfLeavesNobody) {
  expect_nobody_survives([](pid_t rank) { ::kill(rank, SIGKILL); }, true);
}

TEST_F(ForkServerDeath, ByStopLeavesNobody) {
  Pids pids;
  std::vector<Watch> watches;
  {
    Launcher rank([&](const Birth& birth) { return descendants_main(pids, birth.serial); });
    std::vector<Channel> channels;
    for (std::uint64_t serial = 1; serial <= 4; ++serial) channels.push_back(rank.spawn(serial));
    for (int i = 0; i < kDescendants; ++i) watches.emplace_back(pids.next());
    for (const auto& watch : watches) EXPECT_GT(watch.pid(), 0);
  }
  for (const auto& watch : watches) {
    EXPECT_TRUE(!watch.opened() || watch.ended_by(steady_clock::now())) << watch.pid();
  }
}

TEST_F(ForkServerDeath, IsReportedAndEndsItsChildren) {
  Launcher rank([](Birth birth) {
    auto& channel = birth.channel;
    ignore_all_signals();
    give_byte(channel, 1);
    pause_for_ever();
    return 0;
  });
  auto channel = rank.spawn(1);
  EXPECT_EQ(take_byte(channel), 1);
  const Watch child(rank.next(Type::started).pid);
  const pid_t pid = rank.forker.pid();
  ::kill(pid, SIGKILL);
  const auto event = rank.next(Type::server_died);
  EXPECT_EQ(event.pid, pid);
  EXPECT_EQ(event.status, SIGKILL);
  EXPECT_TRUE(child.ended_by(steady_clock::now() + std::chrono::seconds(2)));
  EXPECT_TRUE(rank.forker.poll().empty());
  auto refused = rank.spawn(2);  // nothing happens
  EXPECT_EQ(take_byte(refused), -1);
}

}  // namespace
}  // namespace mpx::detail
