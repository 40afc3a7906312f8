#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "ranks/random/board.hpp"
#include "ranks/random/program.hpp"

namespace mpx_random {

inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

/// A Record, as it was at one moment.
struct Event {
  int actor = kNobody;
  OpKind kind{};
  Outcome outcome{};
  int object = -1, moved_end = -1, from_actor = kNobody;
  std::uint32_t number = 0, bytes = 0;
  std::int64_t begin = 0, end = kNever, value = 0;

  [[nodiscard]] bool is_put() const { return kind <= OpKind::try_put_for; }
  [[nodiscard]] bool is_get() const { return kind >= OpKind::get && kind <= OpKind::try_get_for; }
  [[nodiscard]] bool done() const { return outcome == Outcome::ok; }
};
std::string describe(const Event& event, std::int64_t start);

/// What became of a process.
struct Fate {
  bool started = false;
  std::optional<int> exit_code = {};
  std::int64_t killed_at = kNever;  // when somebody was about to kill it
  std::int64_t ended_at = kNever;   // known to have ended, at the latest
  [[nodiscard]] bool was_killed() const { return exit_code == -9; }
};

/// All that is known of a run.
struct History {
  const Program* program = nullptr;
  std::vector<Event> events;                 // in the order of their begins
  std::vector<std::vector<Event>> of_actor;  // each in its order
  std::vector<Fate> fates;                   // of processes
  std::vector<std::int64_t> kept_until;      // of ends: until then the main process has a copy
  std::int64_t start = 0;

  /// Adds what the board says.
  void read(const Board& board);

  [[nodiscard]] int process_of(int actor) const;
  [[nodiscard]] const Fate& fate_of(int actor) const {
    return fates[static_cast<std::size_t>(process_of(actor))];
  }
  [[nodiscard]] bool killed(int actor) const { return fate_of(actor).was_killed(); }
};

/// What contradicts the model, in words; nothing if all is well. Only for a run that is over.
std::vector<std::string> faults_of(const History& history);
void check_queue(const History& history, int queue, std::vector<std::string>& faults);
void check_end(const History& history, int end, std::vector<std::string>& faults);

/// Whether `event`, which is under way, may last for ever as long as nobody else does anything.
bool may_wait(const History& history, const Event& event);
bool may_wait_for_queue(const History& history, const Event& event);
bool may_wait_for_message(const History& history, const Event& event);

}  // namespace mpx_random
