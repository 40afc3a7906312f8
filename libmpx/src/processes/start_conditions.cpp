#include "processes/start_conditions.hpp"

#include <fcntl.h>
#include <stdio_ext.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <optional>

namespace mpx::detail {
namespace {

std::optional<rlimit> open_files;  // as they were, if they have been raised

bool is_ignored(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

void open_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest that is free, and so this one.
    static_cast<void>(::open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY));
  }
}

void allow_relied_on_signals() {
  struct sigaction action {};
  ::sigaction(SIGCHLD, nullptr, &action);
  if (is_ignored(action)) ::signal(SIGCHLD, SIG_DFL);
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signo : {SIGCHLD, SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) ::sigaddset(&set, signo);
  ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

void raise_open_files() {
  constexpr rlim_t kMost = 1 << 20;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const auto most = std::min(limit.rlim_max, kMost);
  if (limit.rlim_cur >= most) return;
  const rlimit raised{most, limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) open_files = limit;
}

void restore_open_files() {
  if (open_files) ::setrlimit(RLIMIT_NOFILE, &*open_files);
}

void empty_standard_input() {
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0) return;
  ::dup2(null, STDIN_FILENO);
  ::close(null);
  // What has been read ahead is the rank's.
  ::__fpurge(stdin);
  std::clearerr(stdin);
  std::cin.clear();
  std::cin.rdbuf()->pubseekoff(0, std::ios_base::end, std::ios_base::in);
}

void reset_ignored_signals() {
  constexpr std::array kKept{SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU};
  for (int signo = 1; signo <= SIGRTMAX; ++signo) {
    struct sigaction action {};
    if (std::find(kKept.begin(), kKept.end(), signo) != kKept.end()) continue;
    if (::sigaction(signo, nullptr, &action) == 0 && is_ignored(action)) ::signal(signo, SIG_DFL);
  }
}

}  // namespace mpx::detail
