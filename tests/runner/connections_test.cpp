#include "connections.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace mpx::runner {
namespace {

using namespace std::chrono_literals;

// A child's socket is the parent's too after a fork, so its option can be read here.
TEST(Connections, OfAChildGiveUpAfterTheLimit) {
  const int tcp = ::socket(AF_INET, SOCK_STREAM, 0);
  const int local = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_TRUE(tcp >= 0 && local >= 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  const int set = limit_unacknowledged(child, 1234ms);
  unsigned time = 0;
  socklen_t size = sizeof time;
  EXPECT_EQ(::getsockopt(tcp, IPPROTO_TCP, TCP_USER_TIMEOUT, &time, &size), 0);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(tcp);
  ::close(local);
  if (set == 0) GTEST_SKIP() << "this system does not let a process at the sockets of its child";
  EXPECT_EQ(set, 1);
  EXPECT_EQ(time, 1234U);
}

TEST(Connections, OfNobodyAreNone) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(limit_unacknowledged(child, 1s), 0);
}

}  // namespace
}  // namespace mpx::runner
