#include "processes/descendants.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>

namespace mpx::detail {

namespace {

// For kernels without /proc/…/children: the parent's pid is the second field after the name, which
// is in parentheses and may hold anything.
std::vector<pid_t> children_by_scan() {
  std::vector<pid_t> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const auto name = entry.path().filename().string();
    if (!std::isdigit(static_cast<unsigned char>(name[0]))) continue;
    std::ifstream file(entry.path() / "stat");
    std::string text;
    std::getline(file, text);
    const auto name_end = text.rfind(')');
    if (name_end == std::string::npos || name_end + 4 >= text.size()) continue;
    if (std::atoi(text.c_str() + name_end + 4) == ::getpid()) found.push_back(std::stoi(name));
  }
  return found;
}

}  // namespace

std::vector<pid_t> children_of_self() {
  const auto self = std::to_string(::getpid());
  std::ifstream file("/proc/self/task/" + self + "/children");
  if (!file) return children_by_scan();
  std::vector<pid_t> found;
  for (pid_t pid = 0; file >> pid;) found.push_back(pid);
  return found;
}

// Only children are killed, never their descendants directly: a child's pid can't be reused before
// we reap it, and what it leaves behind becomes our child, so the tree comes to us level by level.
bool kill_descendants(std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  sigset_t child_ended;
  ::sigemptyset(&child_ended);
  ::sigaddset(&child_ended, SIGCHLD);
  for (;;) {
    pid_t reaped = 0;
    do {
      reaped = ::waitpid(-1, nullptr, WNOHANG);
    } while (reaped > 0 || (reaped < 0 && errno == EINTR));
    if (reaped < 0) return true;  // ECHILD: nobody is left
    if (std::chrono::steady_clock::now() >= end) return false;
    for (const pid_t pid : children_of_self()) ::kill(pid, SIGKILL);
    const timespec pause{0, 5'000'000};  // lost SIGCHLDs cost no more
    ::sigtimedwait(&child_ended, nullptr, &pause);
  }
}

}  // namespace mpx::detail
