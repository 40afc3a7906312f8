#include "process/completion.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace mpx::detail {
namespace {

std::string path;
pid_t ended = 0;  // the process whose body has ended

/// Whether mpx-run has noted its launcher in the file, and that is our parent.
bool parent_is_launcher() {
  std::ifstream file(path);
  std::string word;
  pid_t launcher = 0;
  return file >> word >> launcher && word == "launcher" && launcher == ::getppid();
}

// A failure of what still runs, destructors say, is seen by the launcher all the same.
void on_exit_of_process(int status, void* /*unused*/) {
  if (ended != ::getpid() || (status & 0xff) == 0 || !parent_is_launcher()) return;
  // The C library goes on with the handlers that are left, and takes the newer status.
  if (mark("exit " + std::to_string(status & 0xff))) std::exit(0);
}

}  // namespace

void take_completion_path() {
  if (const char* variable = std::getenv("MPX_COMPLETION")) path = variable;
  ::unsetenv("MPX_COMPLETION");
  if (!path.empty()) ::on_exit(on_exit_of_process, nullptr);
}

bool completion_is_noted() { return !path.empty(); }

bool mark(const std::string& line) {
  if (path.empty()) return false;
  std::ofstream out(path, std::ios::app);
  return static_cast<bool>(out << line << std::endl);
}

void mark_status(int status) {
  if (mark("status " + std::to_string(status))) ended = ::getpid();
}

void report_unfinished(const std::string& text) {
  if (!path.empty()) {
    std::ostringstream noted;
    std::istringstream lines(text);
    noted << "report\n";
    for (std::string line; std::getline(lines, line);) noted << "unfinished " << line << '\n';
    std::ofstream out(path, std::ios::app);
    if (out << noted.str() << std::flush) return;
  }
  static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
}

}  // namespace mpx::detail
