#pragma once

#include <sys/types.h>

namespace mpx::detail {

/// True once a launcher, a scheduler or a user at the terminal has asked this process to stop, by
/// SIGTERM, SIGINT, SIGUSR1 or SIGUSR2. Behind mpx::stop_requested().
[[nodiscard]] bool stop_flag() noexcept;

/// Handles the four signals: one that process `announcer` sent by announce_signal() terminates with
/// that signal's status, any other only sets stop_flag(). Announcer 0: none terminates.
void install_stop_handlers(pid_t announcer);

/// Sends a signal; those four as announced, so that they terminate. Returns false if there is no
/// such process.
bool announce_signal(pid_t to, int signo);

}  // namespace mpx::detail
