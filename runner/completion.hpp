#pragma once

#include <string>

#include "outcome.hpp"

namespace mpx::runner {

/// A private temporary folder with the file in which the program on rank 0 notes its course.
///
/// Ownership: removes folder and file when destroyed.
class CompletionFile {
 public:
  /// Throws Refusal if no folder can be made.
  CompletionFile();
  ~CompletionFile();
  CompletionFile(const CompletionFile&) = delete;
  CompletionFile& operator=(const CompletionFile&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] Completion read() const;

 private:
  std::string folder_;
  std::string path_;
};

}  // namespace mpx::runner
