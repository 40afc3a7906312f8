#pragma once

#include <chrono>
#include <optional>

namespace mpx::runner {

/// How a job is brought to its end: asked to stop, ended, killed. Pure: signals and the time go in,
/// what is to be done comes out.
///
/// SIGTERM and the time limit first ask the job to stop by itself. At the time limit, a job that
/// heeds it reports what it waits for; without a grace, it has a moment for that. Batch systems send SIGTERM several
/// times, so more of them change nothing. SIGINT, SIGHUP, SIGQUIT and SIGPIPE (nobody reads the
/// output any more) end the job; another SIGINT kills it.
class Ending {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;
  enum class Action { none, report, ask, end, kill };

  struct Limits {
    std::optional<std::chrono::milliseconds> timeout;  ///< from the start on
    std::chrono::milliseconds grace{0};                ///< from asked to ended
    std::chrono::milliseconds patience{0};             ///< from ended to killed
    std::chrono::milliseconds report{0};  ///< from the time limit to ended, without a grace
  };

  Ending(const Limits& limits, Time start);

  /// `can_stop`: the program has started and heeds being asked.
  Action on_signal(int signal, Time now, bool can_stop);
  /// To be called when next() has come.
  Action on_time(Time now, bool can_stop);
  [[nodiscard]] std::optional<Time> next() const { return at_; }
  /// The job is over.
  void over() { at_.reset(); }

  [[nodiscard]] std::optional<int> signal() const { return signal_; }
  [[nodiscard]] bool timed_out() const { return timed_out_; }
  /// The job is to end, by itself or not.
  [[nodiscard]] bool begun() const { return stage_ != Stage::running; }
  /// The job did not stop by itself within its grace.
  [[nodiscard]] bool grace_is_over() const { return grace_is_over_; }

 private:
  enum class Stage { running, reporting, asked, ended, killed };
  Action stop(Time now, bool can_stop);
  Action end(Time now);

  Limits limits_;
  Stage stage_ = Stage::running;
  std::optional<Time> at_;
  std::optional<int> signal_;
  bool timed_out_ = false;
  bool grace_is_over_ = false;
};

}  // namespace mpx::runner
