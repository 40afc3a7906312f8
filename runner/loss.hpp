#pragma once

#include <string>
#include <string_view>

namespace mpx::runner {

/// Finds, in what mpirun says, the name of a node that it has lost, and whether a node could not
/// execute the program.
class LossFinder {
 public:
  void feed(std::string_view text);

  /// The first such node; empty: none so far.
  [[nodiscard]] const std::string& node() const noexcept { return node_; }
  [[nodiscard]] bool cannot_execute() const noexcept { return cannot_execute_; }

 private:
  void look_at(std::string_view line);

  std::string line_;  // the unfinished one
  std::string node_;
  bool cannot_execute_ = false;
};

}  // namespace mpx::runner
