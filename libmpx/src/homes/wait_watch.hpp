#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "homes/home.hpp"
#include "homes/wait_graph.hpp"

namespace mpx::detail {

/// Finds out who waits for what, when it is asked to, or when nobody can go on: a well-known object.
/// Messages, the time and the main process's wait go in; messages and a report come out.
///
/// A *round* asks every process of the job (`waits_ask`, `waits_tell`) for its waits. One that
/// computes does not answer, since who waits drives: for the round's end that is waited for a second.
/// Nobody can go on if each process answers, all threads of each wait without a time limit or for
/// work, for `patience` at least, no rank has a transfer under way, and a second round, begun when
/// the first was over, finds the same waits: in between there was a moment at which all waited at
/// once and nothing was under way that could end a wait.
///
/// | state   | event                                | then                                        |
/// |---------|--------------------------------------|---------------------------------------------|
/// | quiet   | a report is wanted (`waits_want`)    | asks: report                                |
/// | quiet   | main process in one wait, without a  | asks: look                                  |
/// |         | limit, for `patience`; later after a |                                             |
/// |         | pause that doubles, up to kLongest   |                                             |
/// | look    | all stuck long enough                | asks: confirm                               |
/// | look    | else                                 | quiet                                       |
/// | confirm | the same waits                       | asks the homes: a report of a deadlock      |
/// | confirm | else                                 | quiet                                       |
/// | report  | all have answered, or a second       | asks the homes: a report                    |
/// | homes   | all have answered, or a second       | the report is there; quiet                  |
class WaitWatch : public Home {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;

  static constexpr auto kPatience = std::chrono::seconds(5);
  static constexpr auto kLongest = std::chrono::seconds(60);
  static constexpr auto kAnswer = std::chrono::seconds(1);

  struct Settings {
    std::vector<std::string> hosts;  ///< of the ranks
    bool looks = true;               ///< by itself; else only on request
    /// The live processes that a rank has started, and names of objects.
    std::function<std::vector<std::pair<ProcessId, ProcessFacts>>()> processes;
    std::function<std::map<ObjectId, std::string>()> names;
  };
  struct Report {
    bool deadlock = false;
    std::string text;
  };

  explicit WaitWatch(Settings settings) : settings_(std::move(settings)) {}

  /// Takes in what is wanted, or an answer; what comes of it is done when the time is told.
  void on(const FrameHeader& request, Payload payload, Outbox& out) override;
  /// To be called at next() at the latest, soon while active(), and when the main process begins to
  /// wait. `main_wait` is the number of its wait, 0 if it does not wait or has a time limit.
  void on_time(Time now, std::uint64_t main_wait, Outbox& out);

  /// When something is to be done, whatever comes; nothing: never.
  [[nodiscard]] std::optional<Time> next() const { return at_; }
  /// Whether a round is under way, or wanted.
  [[nodiscard]] bool active() const { return state_ != State::quiet || wanted_; }
  /// What is to be said.
  [[nodiscard]] std::optional<Report> take_report() { return std::exchange(report_, std::nullopt); }

 private:
  enum class State { quiet, look, confirm, report, homes };
  using Graph = WaitGraph;

  void ask(State state, Time now, Outbox& out);
  void ask_homes(Time now, Outbox& out);
  void advance(Time now, Outbox& out);
  void take_in(const FrameHeader& answer, Unpacker& in);
  void pause(Time now, std::chrono::nanoseconds length);
  void finish(Time now);
  void note(const HeldPermits& held);
  [[nodiscard]] bool all_answered() const {
    return processes_awaited_.empty() && ranks_awaited_.empty();
  }
  [[nodiscard]] bool stuck() const;
  [[nodiscard]] std::chrono::nanoseconds youngest() const;
  [[nodiscard]] std::vector<std::pair<ProcessId, std::uint64_t>> waits() const;

  Settings settings_;
  State state_ = State::quiet;
  std::optional<Time> at_;
  std::uint64_t round_ = 0;
  Graph graph_;
  std::set<ProcessId> processes_awaited_;
  std::set<int> ranks_awaited_;
  std::map<std::pair<ObjectId, ProcessId>, std::int64_t> permits_;  // who holds how many
  bool under_way_ = false;                                          // a transfer, somewhere
  bool wanted_ = false;  // a report, now or when this round is over
  bool deadlock_ = false;
  std::vector<std::pair<ProcessId, std::uint64_t>> seen_;  // in the look before
  std::uint64_t main_wait_ = 0;
  std::chrono::nanoseconds pause_ = kPatience;
  std::optional<Report> report_;
};

}  // namespace mpx::detail
