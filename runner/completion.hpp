#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "outcome.hpp"
#include "relay.hpp"

namespace mpx::runner {

/// A private temporary folder with the file in which the program on rank 0 notes its course.
///
/// Ownership: removes folder and file when destroyed. A lock on the folder tells that its owner is
/// alive: where an owner was killed, the next one of the same user removes what it left.
class CompletionFile {
 public:
  /// Throws Refusal if no folder can be made.
  CompletionFile();
  ~CompletionFile();
  CompletionFile(const CompletionFile&) = delete;
  CompletionFile& operator=(const CompletionFile&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }
  [[nodiscard]] Completion read() const;
  /// The process from whose child a false status of 0 can be taken: there the program notes the true
  /// one.
  void note_launcher(pid_t launcher) const;

 private:
  std::string folder_;
  Fd lock_;
  std::string path_;
};

/// Removes the folders of that kind in `parent` whose owners have gone.
void remove_abandoned(const std::filesystem::path& parent);

}  // namespace mpx::runner
