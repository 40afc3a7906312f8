#pragma once

#include <chrono>
#include <optional>

#include "mpx/duration.hpp"

namespace mpx::detail {

/// The point in time at which a wait gives up: the one form behind every public time limit.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  static Deadline never() { return Deadline(std::nullopt); }
  static Deadline at(Clock::time_point when) { return Deadline(when); }
  /// Of a try: it waits for the answer of who must be asked, however long that takes.
  static Deadline now() { return Deadline(Clock::time_point::min()); }

  /// Of a wait with a time limit, which holds whoever must be asked, also where it is 0 or less.
  static Deadline after(Duration length) {
    const auto start = Clock::now();
    if (length <= Duration{}) return Deadline(start);
    if (length.nanoseconds() >= Clock::time_point::max() - start) return never();
    return Deadline(start + length.nanoseconds());
  }

  [[nodiscard]] bool is_never() const { return !when_; }
  [[nodiscard]] bool is_now() const { return when_ == Clock::time_point::min(); }
  [[nodiscard]] bool passed() const { return when_ && (is_now() || Clock::now() >= *when_); }

  /// Time left, at least zero; nothing for a deadline that never comes.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> left() const {
    if (!when_) return std::nullopt;
    if (is_now()) return std::chrono::nanoseconds{0};
    return std::max<std::chrono::nanoseconds>(*when_ - Clock::now(), std::chrono::nanoseconds{0});
  }

  /// The time itself; only for a deadline that comes.
  [[nodiscard]] Clock::time_point when() const { return *when_; }

 private:
  explicit Deadline(std::optional<Clock::time_point> when) : when_(when) {}
  std::optional<Clock::time_point> when_;
};

/// Time left until a point of any clock; too long, as until time_point::max(), it saturates.
template <class Clock, class Length>
Duration until(const std::chrono::time_point<Clock, Length>& when) {
  using Seconds = std::chrono::duration<double>;
  constexpr Seconds kFar(std::chrono::nanoseconds::max() / 4);
  const auto now = Clock::now();
  const auto left = Seconds(when.time_since_epoch()) - Seconds(now.time_since_epoch());
  if (left > kFar || left < -kFar) return left * 4;
  return when - now;
}

}  // namespace mpx::detail
