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

/// What the jobs of this mpirun have in common in 4.1: the upper half of the first number in
/// "167772160.0;tcp://…", which is the id of mpirun itself.
std::optional<std::uint32_t> job_family_4(const fs::path& contact) {
  const std::string text = read(contact);
  char* end = nullptr;
  const auto id = std::strtoul(text.c_str(), &end, 10);
  if (end == text.c_str() || *end != '.' || id > 0xffffffff) return std::nullopt;
  return static_cast<std::uint32_t>(id >> 16);
}

/// The same in 5.0: Jenkins's one-at-a-time hash of "prterun-HOST-PID", its halves combined.
std::uint32_t job_family_5(const std::string& host, pid_t mpirun) {
  std::uint32_t hash = 0;
  for (const char c : fmt::format("prterun-{}-{}", host, mpirun)) {
    hash += static_cast<std::uint32_t>(c);
    hash += hash << 10;
    hash ^= hash >> 6;
  }
  hash += hash << 3;
  hash ^= hash >> 11;
  hash += hash << 15;
  return (hash >> 16) ^ (hash & 0xffff);
}

struct JobFolder {
  fs::path folder;
  std::string segment;  // what the names of its ranks' shared memory begin with
};

/// The jobs of this mpirun whose folders are here: one, if any.
std::vector<JobFolder> find_jobs(pid_t mpirun, const fs::path& tmp) {
  const auto segment = [](const char* kind, const std::string& host, std::uint32_t family) {
    return fmt::format("{}_segment.{}.{}.{:x}", kind, host, ::getuid(), family);
  };
  const auto host_in = [](const std::string& name, std::string_view start, std::string_view end) {
    const bool fits =
        name.size() > start.size() + end.size() && name.starts_with(start) && name.ends_with(end);
    return fits ? name.substr(start.size(), name.size() - start.size() - end.size()) : "";
  };
  const auto of_user = fmt::format(".{}", ::getuid());
  std::vector<JobFolder> jobs;
  for (const fs::path& path : entries(tmp)) {
    if (!is_own_folder(path)) continue;
    const std::string name = path.filename();
    if (const auto host = host_in(name, "ompi.", of_user); !host.empty()) {
      const fs::path folder = path / fmt::format("pid.{}", mpirun);
      if (!is_own_folder(folder)) continue;
      const auto family = job_family_4(folder / "contact.txt");
      jobs.push_back({folder, family ? segment("vader", host, *family) : ""});
    }
    const auto end = fmt::format(".{}{}", mpirun, of_user);
    if (const auto host = host_in(name, "prterun.", end); !host.empty()) {
      jobs.push_back({path, segment("sm", host, job_family_5(host, mpirun))});
    }
  }
  return jobs;
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
  std::vector<fs::path> left;
  for (const JobFolder& job : find_jobs(mpirun, tmp)) {
    left.push_back(job.folder);
    if (job.segment.empty()) continue;
    for (const fs::path& file : entries(shm)) {
      const std::string name = file.filename();  // … then four digits for the job, ".", the rank
      const auto size = job.segment.size();
      if (name.starts_with(job.segment) && name.find('.', size) == size + 4) left.push_back(file);
    }
  }
  if (left.empty() || any_is_mapped(left)) return;
  std::error_code ignored;
  for (const fs::path& path : left) fs::remove_all(path, ignored);
}

}  // namespace mpx::runner
