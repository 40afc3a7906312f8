#include "completion.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "refusal.hpp"

namespace mpx::runner {
namespace fs = std::filesystem;
namespace {

constexpr const char* kLock = "lock";
constexpr auto kYoung = std::chrono::minutes(1);

// Takes the lock before it has its name: whoever finds it by that finds it taken.
Fd make_lock(const std::string& folder) {
  const std::string path = folder + "/" + kLock;
  const std::string draft = path + ".new";
  Fd lock(::open(draft.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  // Where a file system has no locks, nobody will find the folder abandoned.
  if (lock.get() >= 0 && ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) {
    static_cast<void>(::rename(draft.c_str(), path.c_str()));
  }
  return lock;
}

bool is_abandoned(const fs::path& folder) {
  struct stat status {};
  if (::lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
      status.st_uid != ::getuid()) {
    return false;
  }
  const auto path = folder / kLock;
  const Fd lock(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (lock.get() >= 0) return ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
  // Killed before it had the lock, unless it is about to take it.
  std::error_code error;
  const auto changed = std::chrono::system_clock::from_time_t(status.st_mtime);
  return changed + kYoung < std::chrono::system_clock::now() && fs::is_empty(folder, error);
}

}  // namespace

void remove_abandoned(const fs::path& parent) {
  std::error_code error;
  std::error_code ignored;
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end;
       entry.increment(error)) {
    const auto& path = entry->path();
    if (!path.filename().native().starts_with("mpx-run.")) continue;
    if (is_abandoned(path)) fs::remove_all(path, ignored);
  }
}

CompletionFile::CompletionFile() {
  const char* variable = std::getenv("TMPDIR");
  const std::string parent = variable && *variable ? variable : "/tmp";
  remove_abandoned(parent);
  folder_ = parent + "/mpx-run.XXXXXX";
  if (!::mkdtemp(folder_.data())) {
    throw Refusal(1, fmt::format("cannot make the folder {}: {}; set TMPDIR to one that can be "
                                 "written",
                                 folder_, std::strerror(errno)));
  }
  lock_ = make_lock(folder_);
  path_ = folder_ + "/completion";
  std::ofstream{path_};  // ranks append to it, and only if it is there
}

CompletionFile::~CompletionFile() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void CompletionFile::note_launcher(pid_t launcher) const {
  std::ofstream(path_, std::ios::app) << "launcher " << launcher << std::endl;
}

Completion CompletionFile::read() const {
  std::ifstream file(path_);
  return parse_completion({std::istreambuf_iterator<char>(file), {}});
}

}  // namespace mpx::runner
