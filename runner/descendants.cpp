#include "descendants.hpp"

#include <dirent.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "rank_output.hpp"

namespace mpx::runner {
namespace {

pid_t parent_of(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  const std::string stat{std::istreambuf_iterator<char>(file), {}};
  // pid (name) state ppid …, where the name may itself hold spaces and parentheses
  const auto name_end = stat.rfind(')');
  return name_end == std::string::npos || name_end + 4 > stat.size()
             ? -1
             : std::atoi(stat.c_str() + name_end + 4);
}

bool is_relay(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/comm");
  std::string name;
  return std::getline(file, name) && name == kRelayName;
}

std::vector<pid_t> children() {
  std::vector<pid_t> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), ::closedir);
  while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
    const std::string name = entry->d_name;
    if (std::isdigit(static_cast<unsigned char>(name[0])) && parent_of(name) == ::getpid()) {
      found.push_back(std::atoi(name.c_str()));
    }
  }
  return found;
}

}  // namespace

Descendants::Descendants() : earlier_(children()) { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }

void Descendants::end(bool relays_too) const {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
  // A killed child's own children become ours, so this goes down the tree level by level.
  while (std::chrono::steady_clock::now() < give_up) {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    auto found = children();
    std::erase_if(found, [&](pid_t child) {
      return std::find(earlier_.begin(), earlier_.end(), child) != earlier_.end() ||
             (!relays_too && is_relay(child));
    });
    if (found.empty()) return;
    for (const pid_t child : found) ::kill(child, SIGKILL);
    ::usleep(1000);  // they die when the kernel gets to it; there is no more to wait for than that
  }
}

}  // namespace mpx::runner
