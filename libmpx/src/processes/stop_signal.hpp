#pragma once

#include <atomic>
#include <csignal>
#include <cstdint>
#include <thread>

namespace mpx::detail {

/// Signals that a process's worker has announced to it, one bit each; lies in memory that the two
/// share. A queued value with the signal would not do: a second SIGTERM merges with a pending one.
using AnnouncedSignals = std::atomic<std::uint32_t>;
static_assert(AnnouncedSignals::is_always_lock_free);

/// Whether a child heeds `signo` only if it has been announced, since launchers send it to whole
/// process groups: SIGTERM or SIGINT.
[[nodiscard]] bool is_announced_signal(int signo) noexcept;

/// True once a launcher, a scheduler or a user at the terminal has asked this process to stop, or its
/// rank has been asked. Behind mpx::stop_requested().
[[nodiscard]] bool stop_flag() noexcept;

/// Sets stop_flag().
void set_stop_flag() noexcept;

/// In a child: stop_flag() is true also when `flag`, which its worker sets, is. It must stay.
void share_stop_flag(const std::atomic<bool>* flag) noexcept;

/// For a child. SIGTERM and SIGINT: an announced one terminates with that signal's status, any other
/// only sets stop_flag(). SIGUSR1 and SIGUSR2 are ignored, so that they end no sleep of the user's
/// code: the child's rank gets them too. Copies of the child that fork() makes have SIGTERM and SIGINT
/// as they were.
void install_stop_handlers(const AnnouncedSignals* announced);

/// What SIGTERM means to a rank that a launcher started, besides stop_flag().
struct RankSignals {
  /// mpirun has sent it: it is about to kill the rank.
  static constexpr std::uint32_t kEnds = 1;
  /// Slurm has sent it: the time that it leaves the job has begun. Known of a rank that srun started;
  /// supposed, since it does no harm, where reports are silent, there of USR1 by srun as well.
  static constexpr std::uint32_t kReport = 2;
  /// USR2: a report is wanted of who waits for what.
  static constexpr std::uint32_t kWaits = 4;
};

/// For a rank, instead of install_stop_handlers: USR2 asks for a report, USR1 sets stop_flag() (with
/// `reports`, HeldRequests takes these, if it is there). So does SIGTERM, where a launcher started the
/// rank, unless it was mpirun that sent it: that ends the rank, by way of take_rank_signals() or,
/// without `reports` or anybody to wake, at once.
/// `silently`: what it reports is kept, to be said only if the job does not come to its end.
/// Copies of the rank that fork() makes ignore USR1 and USR2, and have SIGTERM as it was.
void install_rank_handlers(bool launched, bool reports, bool silently = false);

/// SIGUSR1 and SIGUSR2 do not reach the user's code while it lives: they are blocked in the thread
/// that made it and in those that this one starts, where they would end sleeps, and ignored, so that
/// they do not end what these execute, a shell that unblocks all signals included.
class HeldRequests {
 public:
  HeldRequests();
  ~HeldRequests() { release(); }
  HeldRequests(const HeldRequests&) = delete;
  HeldRequests& operator=(const HeldRequests&) = delete;

  /// A thread of its own heeds them from now on, as the handlers of a rank do.
  void listen();
  /// Lets them in, to the handlers that are there by now.
  void release() noexcept;

 private:
  bool held_ = true;
  std::atomic<bool> ends_ = false;
  std::thread listener_;
};

/// While it lives, USR2 asks this rank for a report (RankSignals::kWaits), unless the program handles
/// or ignores that signal.
class ReportSignal {
 public:
  ReportSignal();
  ~ReportSignal();
  ReportSignal(const ReportSignal&) = delete;
  ReportSignal& operator=(const ReportSignal&) = delete;

 private:
  bool installed_ = false;
};

/// RankSignals that have come since the last call.
[[nodiscard]] std::uint32_t take_rank_signals() noexcept;

/// `event`, an eventfd, is written to at each of these signals; −1: none.
void wake_on_signals(int event) noexcept;

/// Ends this process by SIGTERM, with its status.
[[noreturn]] void die_of_sigterm() noexcept;

/// To be called before the signal is sent.
void announce(AnnouncedSignals& announced, int signo) noexcept;

}  // namespace mpx::detail
