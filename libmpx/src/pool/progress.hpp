#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace mpx::detail {

/// What is said of `done` results of `total` after some time.
std::string progress_text(std::size_t done, std::size_t total, std::chrono::duration<double> after);

/// Shows on stderr how far a map is: MapOptions::progress.
///
/// Thread safety: none.
class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Progress(std::size_t total);
  /// Shows the line, if the last is old enough or this one says that all is done.
  void show(std::size_t done);

 private:
  std::size_t total_;
  bool terminal_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
  bool over_ = false;
};

}  // namespace mpx::detail
