#include "allocation.hpp"

#include <fmt/format.h>

#include <charconv>
#include <sstream>

#include "refusal.hpp"

namespace mpx::runner {
namespace {

constexpr std::size_t kMostNodes = 1'000'000;

[[noreturn]] void refuse(const std::string& what, const std::string& text) {
  throw Refusal(bad_usage, fmt::format("cannot read {} \"{}\"; give --host or --hostfile", what,
                                       text.substr(0, 200)));
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

/// Splits at commas that are outside of brackets.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : text) {
    depth += c == '[' ? 1 : c == ']' ? -1 : 0;
    if (c == ',' && depth == 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

/// Appends what `rest`, which begins after `done`, stands for.
void expand(const std::string& done, const std::string& rest, std::vector<std::string>& names,
            const std::string& all) {
  const auto open = rest.find('[');
  if (open == std::string::npos) {
    if (rest.find(']') != std::string::npos || (done + rest).empty()) refuse("the node list", all);
    names.push_back(done + rest);
    return;
  }
  const auto close = rest.find(']', open);
  if (close == std::string::npos) refuse("the node list", all);
  const std::string before = done + rest.substr(0, open);
  const std::string after = rest.substr(close + 1);
  for (const std::string& range : split(rest.substr(open + 1, close - open - 1))) {
    const auto dash = range.find('-');
    const std::string low = range.substr(0, dash);
    const auto first = number(low);
    const auto last = dash == std::string::npos ? first : number(range.substr(dash + 1));
    if (!first || !last || *last < *first) refuse("the node list", all);
    for (int i = *first; i <= *last; ++i) {
      if (names.size() >= kMostNodes) refuse("the node list", all);
      expand(before + fmt::format("{:0{}}", i, low.size()), after, names, all);
    }
  }
}

Allocation from_slurm(const Environment& environment, const std::string& id) {
  const auto first = [&](const char* name, const char* other) {
    const auto value = environment(name);
    return value ? value : environment(other);
  };
  Allocation allocation{Allocation::System::slurm, "Slurm job " + id, {}};
  const auto list = first("SLURM_JOB_NODELIST", "SLURM_NODELIST");
  if (!list) return {};  // no allocation of nodes
  const auto cpus = first("SLURM_JOB_CPUS_PER_NODE", "SLURM_TASKS_PER_NODE");
  const auto names = expand_nodelist(*list);
  const auto counts = cpus ? expand_counts(*cpus) : std::vector<int>(names.size(), 1);
  if (counts.size() != names.size()) {
    throw Refusal(bad_usage, fmt::format("Slurm names {} nodes ({}) but the CPUs of {} ({}); give "
                                         "--host or --hostfile",
                                         names.size(), *list, counts.size(), *cpus));
  }
  for (std::size_t i = 0; i < names.size(); ++i) allocation.hosts.push_back({names[i], counts[i]});
  return allocation;
}

/// A name a line; in SGE's file with a number of slots after it. A node named twice adds up.
std::vector<Host> read_lines(const std::string& text, bool with_numbers, const std::string& what) {
  std::vector<Host> hosts;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    std::string word = "1";
    if (!(words >> name)) continue;
    if (with_numbers && !(words >> word)) refuse(what, line);
    const auto slots = number(word);
    if (!slots || *slots < 1) refuse(what, line);
    add_slots(hosts, name, *slots);
  }
  return hosts;
}

}  // namespace

std::vector<std::string> expand_nodelist(const std::string& text) {
  std::vector<std::string> names;
  for (const std::string& part : split(text)) expand("", part, names, text);
  return names;
}

std::vector<int> expand_counts(const std::string& text) {
  std::vector<int> counts;
  for (const std::string& part : split(text)) {
    const auto open = part.find("(x");
    const auto count = number(part.substr(0, open));
    std::optional<int> times = 1;
    if (open != std::string::npos) {
      times =
          part.back() == ')' ? number(part.substr(open + 2, part.size() - open - 3)) : std::nullopt;
    }
    if (!count || *count < 1 || !times ||
        counts.size() + static_cast<std::size_t>(*times) > kMostNodes)
      refuse("the numbers of CPUs", text);
    counts.insert(counts.end(), static_cast<std::size_t>(*times), *count);
  }
  return counts;
}

Allocation find_allocation(
    const Environment& environment,
    const std::function<std::optional<std::string>(const std::string& path)>& read_file) {
  if (const auto id = environment("SLURM_JOB_ID")) return from_slurm(environment, *id);
  using System = Allocation::System;
  for (const auto& [variable, system] :
       {std::pair{"PBS_NODEFILE", System::pbs}, std::pair{"PE_HOSTFILE", System::sge}}) {
    const auto path = environment(variable);
    if (!path) continue;
    const auto text = read_file(*path);
    if (!text) {
      throw Refusal(bad_usage,
                    fmt::format("cannot read {} ({}); give --host or --hostfile", *path, variable));
    }
    const bool pbs = system == System::pbs;
    Allocation allocation{system, pbs ? "PBS job " : "SGE job ", {}};
    allocation.job += environment(pbs ? "PBS_JOBID" : "JOB_ID").value_or("?");
    allocation.hosts = read_lines(*text, !pbs, *path);
    if (allocation.hosts.empty()) refuse(*path, "");
    return allocation;
  }
  return {};
}

}  // namespace mpx::runner
