#include "endpoint/surroundings.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "mpx/error.hpp"
#include "processes/launcher_environment.hpp"

namespace mpx::detail {
namespace {

/// A working directory is the same as long as it is the same file: it may be renamed.
std::pair<dev_t, ino_t> directory_in_use() {
  struct stat status {};
  if (::stat(".", &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

struct Start {
  Surroundings given;
  std::pair<dev_t, ino_t> directory;
  std::vector<std::string> environment;  // as `environ`
};
const Start* start = nullptr;  // never destroyed: a static object may start a process

bool environment_is_unchanged() {
  char** now = environ;
  for (const auto& entry : start->environment) {
    if (now == nullptr || *now == nullptr || entry != *now++) return false;
  }
  return now == nullptr || *now == nullptr;
}

/// What a process sets for itself: MPX_SLOT is the slot's, and MPI's are of use in a rank alone.
bool travels(std::string_view name) { return name != "MPX_SLOT" && !is_launcher_variable(name); }

using Variables = std::map<std::string_view, std::string_view>;

void add(Variables& variables, std::string_view entry) {
  const auto equals = entry.find('=');
  if (equals != std::string_view::npos && travels(entry.substr(0, equals)))
    variables.insert_or_assign(entry.substr(0, equals), entry.substr(equals + 1));
}

/// Adds to `all`, which others have changed before, what has changed since the start.
void add_changes(Surroundings& all) {
  Variables before, now, set;
  for (const auto& entry : start->environment) add(before, entry);
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) add(now, *entry);
  std::map<std::string_view, bool> unset;
  for (const auto& entry : start->given.set) add(set, entry);
  for (const auto& name : start->given.unset) unset[name] = true;
  for (const auto& [name, value] : now) {
    const auto old = before.find(name);
    if (old != before.end() && old->second == value) continue;
    set[name] = value;
    unset.erase(name);
  }
  for (const auto& [name, value] : before) {
    if (now.contains(name)) continue;
    set.erase(name);
    unset[name] = true;
  }
  all.set.clear();
  all.unset.clear();
  for (const auto& [name, value] : set) all.set.push_back(fmt::format("{}={}", name, value));
  for (const auto& [name, gone] : unset) all.unset.emplace_back(name);
}

}  // namespace

void note_surroundings(const Surroundings& given) {
  if (start != nullptr) return;
  auto* noted = new Start{given, directory_in_use(), {}};
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    noted->environment.emplace_back(*entry);
  start = noted;
}

Surroundings current_surroundings() {
  if (start == nullptr) return {};
  auto all = start->given;
  if (directory_in_use() != start->directory) {
    std::error_code error;
    all.directory = std::filesystem::current_path(error);
    if (error) {
      throw UsageError(fmt::format(
          "a process is to start in the working directory of this one, and that has no name: {}",
          error.message()));
    }
  }
  if (!environment_is_unchanged()) add_changes(all);
  return all;
}

void enter_surroundings(const Surroundings& surroundings) {
  for (const auto& entry : surroundings.set) {
    const auto equals = entry.find('=');
    ::setenv(entry.substr(0, equals).c_str(), entry.c_str() + equals + 1, 1);
  }
  for (const auto& name : surroundings.unset) ::unsetenv(name.c_str());
  const auto& directory = surroundings.directory;
  if (!directory.empty() && ::chdir(directory.c_str()) != 0) {
    throw LaunchError(fmt::format("cannot enter the working directory of the starter, '{}': {}",
                                  directory, std::strerror(errno)));
  }
}

}  // namespace mpx::detail
