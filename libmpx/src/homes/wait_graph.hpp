#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/process.hpp"
#include "wire/waits.hpp"

namespace mpx::detail {

/// Who waits for what and for whom, at one moment. Pure.
class WaitGraph {
 public:
  struct Process {
    ProcessFacts facts;
    std::optional<ProcessWaits> waits;  ///< nothing: it has not answered
  };

  std::map<ProcessId, Process> processes;
  std::map<ObjectId, ObjectFacts> objects;
  std::map<ObjectId, std::string> names;  ///< of objects that were made with mpx::named

  /// The objects for which somebody waits.
  [[nodiscard]] std::vector<ObjectId> wanted() const;

  /// Processes each of which waits without a time limit for what only the next has, and the last
  /// for what the first has. Empty: there are none.
  [[nodiscard]] std::vector<ProcessId> cycle() const;

  /// A table for a person to read, a line for each process, and the cycle if there is one.
  [[nodiscard]] std::string describe() const;

 private:
  [[nodiscard]] std::string name_of(ProcessId id) const;
  [[nodiscard]] std::string describe(const WaitRecord& wait) const;
  [[nodiscard]] std::string describe_object(const ObjectId& id, std::string_view kind) const;
  [[nodiscard]] std::optional<ProcessId> awaited_by(ProcessId id, ObjectId& object) const;
};

}  // namespace mpx::detail
