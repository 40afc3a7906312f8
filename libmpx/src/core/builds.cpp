#include "core/builds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <string_view>
#include <vector>

#include "mpx/detail/modules.hpp"

namespace mpx::detail {
namespace {

struct BuildPart {
  std::string id;
  std::string path;

  [[nodiscard]] std::string_view name() const {
    return std::string_view(path).substr(path.rfind('/') + 1);
  }
};

std::vector<BuildPart> parse(const std::string& text) {
  std::vector<BuildPart> modules;
  std::istringstream lines(text);
  BuildPart module;
  while (lines >> module.id && std::getline(lines >> std::ws, module.path))
    modules.push_back(module);
  return modules;
}

}  // namespace

std::string describe_build() {
  std::string text;
  for (const auto& module : modules()) text += fmt::format("{:016x} {}\n", module.id, module.path);
  return text;
}

std::string different_module(const std::string& one, const std::string& other) {
  const auto ours = parse(one);
  const auto theirs = parse(other);
  if (ours.empty() || theirs.empty()) return ours.empty() == theirs.empty() ? "" : "the program";
  if (ours[0].id != theirs[0].id) return ours[0].path;
  for (const auto& module : ours) {
    const auto same_name = [&](const BuildPart& their) { return their.name() == module.name(); };
    const auto same_build = [&](const BuildPart& their) { return their.id == module.id; };
    if (std::any_of(theirs.begin(), theirs.end(), same_name) &&
        std::none_of(theirs.begin(), theirs.end(), same_build))
      return module.path;
  }
  return "";
}

}  // namespace mpx::detail
