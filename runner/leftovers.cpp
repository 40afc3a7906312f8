#include "leftovers.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace mpx::runner {
namespace fs = std::filesystem;
namespace {

std::string read(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    found.push_back(entry->path());
  }
  return found;
}

bool is_own_folder(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
         status.st_uid == ::getuid();
}

/// The number that the jobs of this mpirun have in common: the upper half of the first number in
/// "167772160.0;tcp://…", which is the id of mpirun itself.
std::optional<std::uint32_t> job_family(const fs::path& contact) {
  const std::string text = read(contact);
  char* end = nullptr;
  const auto id = std::strtoul(text.c_str(), &end, 10);
  if (end == text.c_str() || *end != '.' || id > 0xffffffff) return std::nullopt;
  return static_cast<std::uint32_t>(id >> 16);
}

bool any_is_mapped(const std::vector<fs::path>& paths) {
  for (const fs::path& process : entries("/proc")) {
    const std::string maps = read(process / "maps");
    const auto mapped = [&](const fs::path& path) {
      return maps.find(path.native()) != std::string::npos;
    };
    if (std::any_of(paths.begin(), paths.end(), mapped)) return true;
  }
  return false;
}

}  // namespace

fs::path mpirun_folder() {
  for (const char* name : {"TMPDIR", "TEMP", "TMP"}) {
    if (const char* folder = std::getenv(name); folder && *folder) return folder;
  }
  return "/tmp";
}

void remove_leftovers(pid_t mpirun, const fs::path& tmp, const fs::path& shm) {
  const std::string start = "ompi.";
  const std::string end = fmt::format(".{}", ::getuid());
  std::vector<fs::path> left;
  for (const fs::path& user : entries(tmp)) {
    const std::string name = user.filename();
    if (!name.starts_with(start) || !name.ends_with(end) || !is_own_folder(user)) continue;
    const fs::path job = user / fmt::format("pid.{}", mpirun);
    if (!is_own_folder(job)) continue;
    left.push_back(job);
    const auto family = job_family(job / "contact.txt");
    if (!family) continue;
    const auto segment = fmt::format("vader_segment.{}.{:x}", name.substr(start.size()), *family);
    for (const fs::path& file : entries(shm)) {
      const std::string text = file.filename();  // … then four digits for the job, ".", the rank
      if (text.starts_with(segment) && text.find('.', segment.size()) == segment.size() + 4) {
        left.push_back(file);
      }
    }
  }
  if (left.empty() || any_is_mapped(left)) return;
  std::error_code ignored;
  for (const fs::path& path : left) fs::remove_all(path, ignored);
}

}  // namespace mpx::runner
