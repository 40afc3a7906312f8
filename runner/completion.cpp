#include "completion.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "refusal.hpp"

namespace mpx::runner {
namespace fs = std::filesystem;

CompletionFile::CompletionFile() {
  const char* parent = std::getenv("TMPDIR");
  folder_ = fmt::format("{}/mpx-run.XXXXXX", parent && *parent ? parent : "/tmp");
  if (!::mkdtemp(folder_.data())) {
    throw Refusal(1, fmt::format("cannot make the folder {}: {}; set TMPDIR to one that can be "
                                 "written",
                                 folder_, std::strerror(errno)));
  }
  path_ = folder_ + "/completion";
  std::ofstream{path_};  // ranks append to it, and only if it is there
}

CompletionFile::~CompletionFile() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

Completion CompletionFile::read() const {
  std::ifstream file(path_);
  return parse_completion({std::istreambuf_iterator<char>(file), {}});
}

}  // namespace mpx::runner
