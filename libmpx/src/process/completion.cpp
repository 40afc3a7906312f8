#include "process/completion.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace mpx::detail {
namespace {

std::string path;

}  // namespace

void take_completion_path() {
  if (const char* variable = std::getenv("MPX_COMPLETION")) path = variable;
  ::unsetenv("MPX_COMPLETION");
}

bool completion_is_noted() { return !path.empty(); }

void mark(const std::string& line) {
  if (path.empty()) return;
  std::ofstream out(path, std::ios::app);
  out << line << std::endl;
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
