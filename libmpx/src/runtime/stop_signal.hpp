#pragma once

#include <atomic>
#include <cstdint>

namespace mpx::detail {

/// Signals that a process's worker has announced to it, one bit each; lies in memory that the two
/// share. A queued value with the signal would not do: a second SIGTERM merges with a pending one.
using AnnouncedSignals = std::atomic<std::uint32_t>;
static_assert(AnnouncedSignals::is_always_lock_free);

/// Whether `signo` is one that launchers send to whole process groups: SIGTERM, SIGINT, SIGUSR1 or
/// SIGUSR2.
[[nodiscard]] bool is_stop_signal(int signo) noexcept;

/// True once a launcher, a scheduler or a user at the terminal has sent one of these signals to
/// this process. Behind mpx::stop_requested().
[[nodiscard]] bool stop_flag() noexcept;

/// Handles these signals from now on: an announced one terminates with that signal's status, any
/// other only sets stop_flag(). Without `announced`, none terminates.
void install_stop_handlers(const AnnouncedSignals* announced);

/// To be called before the signal is sent.
void announce(AnnouncedSignals& announced, int signo) noexcept;

}  // namespace mpx::detail
