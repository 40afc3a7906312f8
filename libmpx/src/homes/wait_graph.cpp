#include "homes/wait_graph.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

#include "homes/object_kinds.hpp"
#include "wire/well_known.hpp"

namespace mpx::detail {
namespace {

constexpr std::size_t kMostLines = 64;
constexpr std::size_t kMostHolders = 4;

using Row = std::array<std::string, 6>;

/// Columns under each other.
std::string table(const std::vector<Row>& rows) {
  std::array<std::size_t, std::tuple_size_v<Row>> widths{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    text += "     ";
    for (std::size_t i = 0; i + 1 < row.size(); ++i)
      text += fmt::format("{:<{}}  ", row[i], widths[i]);
    text += row.back() + "\n";
  }
  return text;
}

std::string seconds(std::int64_t nanoseconds) {
  return fmt::format("{:.1f} s", static_cast<double>(nanoseconds) * 1e-9);
}

}  // namespace

std::vector<ObjectId> WaitGraph::wanted() const {
  std::set<ObjectId> all;
  for (const auto& [id, process] : processes) {
    if (!process.waits) continue;
    for (const auto& wait : process.waits->waits) {
      if (!wait.object.empty() && !is_well_known(wait.object)) all.insert(wait.object);
    }
  }
  return {all.begin(), all.end()};
}

std::string WaitGraph::name_of(ProcessId id) const {
  const auto found = processes.find(id);
  return found == processes.end() ? to_string(id) : found->second.facts.name;
}

std::string WaitGraph::describe_object(const ObjectId& id, std::string_view kind) const {
  if (const auto named = names.find(id); named != names.end())
    return fmt::format("{} \"{}\"", kind, named->second);
  return fmt::format("{} #{} of {}", kind, id.serial, name_of(id.maker));
}

std::string WaitGraph::describe(const WaitRecord& wait) const {
  const auto found = objects.find(wait.object);
  const bool known = found != objects.end() && !found->second.kind.empty();
  const auto what = [&](std::string_view otherwise) {
    return describe_object(wait.object, known ? found->second.kind : otherwise);
  };
  std::string text;
  switch (wait.kind) {
    case Kind::queue_get:
      text = "an item of " + what(kind_name(ObjectKind::queue));
      break;
    case Kind::queue_put:
    case Kind::queue_sync:
    case Kind::queue_reserve:
      text = "room in " + what(kind_name(ObjectKind::queue));
      break;
    case Kind::end_item:
    case Kind::end_bind:
      text = "a message on " + what(kind_name(ObjectKind::pipe_end));
      break;
    case Kind::end_sync:
    case Kind::end_fate:
      text = "its messages to be received on " + what(kind_name(ObjectKind::pipe_end));
      break;
    case Kind::process_watch:
      if (known && found->second.holders.size() == 1)
        return fmt::format("the end of {}", name_of(found->second.holders[0]));
      return "the end of a process";
    case Kind::condition_wait:
      text = "a Condition over " + what(kind_name(ObjectKind::lock));
      break;
    case Kind::acquire:
    case Kind::barrier_wait:
      text = what("an object");
      break;
    case Kind::pool_results:
      text = "results of " + what(kind_name(ObjectKind::pool));
      break;
    case Kind::pool_join:
      text = "the end of " + what(kind_name(ObjectKind::pool));
      break;
    case Kind::pool_tasks:
      return "tasks";
    case Kind::await_children:
      return "the end of its processes";
    case Kind::name_find:
      return "a named object that another process makes";
    case Kind::session_over:
      return "the end of the Session on rank 0";
    case Kind::session_left:
      return "the end of the Session on other ranks";
    case Kind::shutdown:
      return "work";
    default:
      if (wait.object.empty() || is_well_known(wait.object)) return "an answer";
      text = fmt::format("an answer of {}", what("an object"));
  }
  if (!known) return text;
  const auto& facts = found->second;
  if (!facts.note.empty()) text += " (" + facts.note + ")";
  if (facts.holders.empty()) return text;
  std::vector<std::string> holders;
  for (const auto holder : facts.holders) {
    if (holders.size() < kMostHolders) holders.push_back(name_of(holder));
  }
  text += fmt::format(", held by {}", fmt::join(holders, ", "));
  if (facts.holders.size() > kMostHolders)
    text += fmt::format(" and {} others", facts.holders.size() - kMostHolders);
  return text;
}

/// The one process on which `id` waits, if one it is, and by way of which object.
std::optional<ProcessId> WaitGraph::awaited_by(ProcessId id, ObjectId& object) const {
  const auto process = processes.find(id);
  if (process == processes.end() || !process->second.waits) return std::nullopt;
  const auto& waits = process->second.waits->waits;
  if (waits.size() != 1 || waits[0].limit != WaitLimit::none) return std::nullopt;
  // Who has not been notified waits for whoever may notify, not for the lock's holder.
  if (waits[0].kind == Kind::condition_wait) return std::nullopt;
  const auto found = objects.find(waits[0].object);
  if (found == objects.end() || found->second.holders.size() != 1) return std::nullopt;
  object = found->first;
  return found->second.holders[0];
}

std::vector<ProcessId> WaitGraph::cycle() const {
  std::set<ProcessId> seen;  // on earlier ways
  for (const auto& [start, process] : processes) {
    std::vector<ProcessId> way;
    ObjectId object;
    for (std::optional at = start; at && !seen.contains(*at); at = awaited_by(*at, object)) {
      if (const auto before = std::find(way.begin(), way.end(), *at); before != way.end())
        return {before, way.end()};
      way.push_back(*at);
    }
    seen.insert(way.begin(), way.end());
  }
  return {};
}

std::string WaitGraph::describe() const {
  std::vector<Row> rows = {{"process", "rank", "host", "pid", "for", "waits for"}};
  std::size_t idle = 0;
  std::size_t left_out = 0;
  const auto add = [&](ProcessId id, const Process& process, const std::string& age,
                       const std::string& what) {
    if (rows.size() > kMostLines) {
      ++left_out;
      return;
    }
    const auto rank = id.rank().number();
    const auto pid = process.waits ? process.waits->pid : process.facts.pid;
    rows.push_back({process.facts.name, std::to_string(rank), process.facts.host,
                    pid == 0 ? "?" : std::to_string(pid), age, what});
  };
  for (const auto& [id, process] : processes) {
    if (!process.waits) {
      add(id, process, "", "- (it computes, or waits outside libmpx)");
      continue;
    }
    bool waits = false;
    bool idles = false;
    for (const auto& wait : process.waits->waits) {
      if (wait.limit == WaitLimit::idle) {
        idles |= wait.kind != Kind::shutdown;  // a rank that runs no user code
        continue;
      }
      waits = true;
      add(id, process, seconds(wait.age_ns),
          describe(wait) + (wait.limit == WaitLimit::time ? ", with a time limit" : ""));
    }
    if (process.waits->running > 0) {
      add(id, process, "",
          waits ? "- (another of its threads computes, or waits outside libmpx)"
                : "- (it computes, or waits outside libmpx)");
    } else if (!waits && idles) {
      ++idle;
    } else if (process.waits->waits.empty()) {
      add(id, process, "", "- (it runs)");
    }
  }
  auto text = table(rows);
  if (left_out != 0) text += fmt::format("     … and {} more\n", left_out);
  if (idle != 0)
    text += fmt::format("     {} more {} for work\n", idle, idle == 1 ? "waits" : "wait");
  const auto ring = cycle();
  if (ring.empty()) return text;
  text += "     cycle: ";
  for (const auto id : ring) {
    ObjectId object;
    static_cast<void>(awaited_by(id, object));
    const auto& facts = objects.at(object);
    text += name_of(id) + " -> ";
    if (facts.kind != kind_name(ObjectKind::process))
      text += describe_object(object, facts.kind) + " -> ";
  }
  return text + name_of(ring.front()) + "\n";
}

}  // namespace mpx::detail
