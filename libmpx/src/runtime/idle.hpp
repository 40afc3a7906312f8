#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "mpx/detail/deadline.hpp"

namespace mpx::detail {

/// When the threads of a rank look for what comes, spin, sleep and wake each other: the decisions,
/// without what they are about. Times and flags go in, what to do next comes out.
///
/// Two threads may sleep: the *driver*, which waits for something, and the *background*, which sees
/// to the rank while nobody waits. While a sleep is *announced*, peers of the node ring.
///
/// | the driver | event                                   | then                                     |
/// |------------|-----------------------------------------|------------------------------------------|
/// | begins     | the timer alone has woken it            | sleeps on, announced as it is            |
/// | begins     | else, or its deadline has come          | takes the announcement back; looks       |
/// | has looked | something has come, or it only tries    | leaves                                   |
/// | has looked | nothing, but for each fourth time       | leaves: the clock costs as much as a look|
/// | has looked | nothing, and its deadline has come      | leaves                                   |
/// | has looked | nothing, soon after an event            | spins: others may have the mutex, and    |
/// |            |                                         | the core, where none is to spare         |
/// | has looked | nothing, for longer than that           | sleeps                                   |
///
/// | who sleeps | event                                   | then                                     |
/// |------------|-----------------------------------------|------------------------------------------|
/// | both       | go to sleep                             | announce, look once more, sleep          |
/// | both       | rung                                    | take the announcement back, do it all    |
/// | background | woken while a thread drives             | leaves all to that one                   |
/// | driver     | another thread has delivered something  | is woken                                 |
class Idle {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Length = std::chrono::nanoseconds;

  /// After an event: with a core to spare, where peers on other nodes cannot ring, and with none.
  static constexpr auto kSpin = std::chrono::microseconds(50);
  static constexpr auto kSpinFar = std::chrono::microseconds(500);
  static constexpr auto kSpinCrowded = std::chrono::microseconds(5);
  /// Longest sleep while peers cannot ring: soon after traffic, and after a second without any.
  static constexpr auto kTimer = std::chrono::milliseconds(1);
  static constexpr auto kTimerQuiet = std::chrono::milliseconds(5);
  static constexpr auto kTransfer = std::chrono::microseconds(50);  ///< while a large one goes on
  static constexpr std::uint32_t kLooks = 4;  ///< in vain, to one at the clock

  /// What stays as it is.
  struct Setting {
    int cores = 1;           ///< that this rank may use
    int node_ranks = 1;      ///< on its node
    bool all_ring = true;    ///< no peer is on another node
    bool far_words = false;  ///< ranks of other nodes work on each other's words themselves
  };
  /// Who sleeps: the thread that drives, or the one that does so while nobody waits.
  enum class Sleeper { driver, background };
  enum class Next {
    look,   ///< wakes(), then look, then after_look()
    clock,  ///< look at it, then at()
    spin,   ///< let another thread have the mutex
    yield,  ///< … and another process the core
    sleep,  ///< announces(), look, and if there is nothing: sleep(), woken()
    leave,
  };
  /// What else bounds a sleep.
  struct Bounds {
    Deadline deadline = Deadline::never();
    bool transfer = false;      ///< a large one is under way, which only goes on while one looks
    std::optional<Time> watch;  ///< when the deadlock watch has something to do
    bool watching = false;      ///< it has begun: it is for whoever sleeps, else for the driver
  };
  enum class Woken { rung, timer, signal };

  explicit Idle(const Setting& setting) : setting_(setting) {}

  /// The driver's round.
  [[nodiscard]] Next begin();
  [[nodiscard]] Next after_look(bool found, const Deadline& deadline);
  /// `processes`: of this rank that live.
  [[nodiscard]] Next at(Time now, const Deadline& deadline, std::size_t processes);

  /// Somebody has looked.
  void note_look(bool found) { fresh_ |= found; }
  /// Whether an announcement is to be taken back, as there is work to do.
  [[nodiscard]] bool wakes();

  /// Whether a sleep is to be announced: by who goes to sleep, and by who leaves the rank unattended.
  [[nodiscard]] bool announces();
  [[nodiscard]] bool announces_leave();
  /// How long to sleep at most; nothing: until rung.
  [[nodiscard]] std::optional<Length> sleep(Sleeper who, Time now, const Bounds& bounds);
  /// Whether there is work to do for who was woken.
  [[nodiscard]] bool woken(Sleeper who, Woken by, Time now);

  /// Tells whether a thread drives, asleep or not.
  void set_driven(bool driven) { driven_ = driven; }
  /// Whether the driver is to be woken for what another thread has delivered.
  [[nodiscard]] bool driver_sleeps() const { return driver_sleeps_; }
  /// Whether nothing has come for as long as the background goes on looking.
  [[nodiscard]] bool quiet(Time now, std::size_t processes);

 private:
  void note(Time now);
  [[nodiscard]] bool crowded(std::size_t processes) const;
  [[nodiscard]] Length spin_time(std::size_t processes) const;

  Setting setting_;
  bool announced_ = false;
  bool driven_ = false;
  bool driver_sleeps_ = false;
  bool by_timer_ = false;  // alone, the driver was woken
  bool looked_ = false;    // has the driver, in this round
  bool fresh_ = false;     // an event, since last_event_ was set
  std::uint32_t in_vain_ = 0;
  Time last_event_{};
};

}  // namespace mpx::detail
