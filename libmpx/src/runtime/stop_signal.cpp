#include "runtime/stop_signal.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

namespace mpx::detail {

namespace {

constexpr std::array kStopSignals{SIGTERM, SIGINT, SIGUSR1, SIGUSR2};

std::atomic<bool> stop{false};
std::atomic<const AnnouncedSignals*> announced_to_us{nullptr};

std::uint32_t bit(int signo) { return std::uint32_t{1} << signo; }

void on_stop_signal(int signo) {
  const int saved = errno;
  const auto* announced = announced_to_us.load(std::memory_order_acquire);
  if (announced && (announced->load(std::memory_order_acquire) & bit(signo))) {
    ::signal(signo, SIG_DFL);
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, signo);
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    ::raise(signo);
  }
  stop.store(true, std::memory_order_release);
  errno = saved;
}

}  // namespace

bool is_stop_signal(int signo) noexcept {
  return std::find(kStopSignals.begin(), kStopSignals.end(), signo) != kStopSignals.end();
}

bool stop_flag() noexcept { return stop.load(std::memory_order_acquire); }

void install_stop_handlers(const AnnouncedSignals* announced) {
  announced_to_us.store(announced, std::memory_order_release);
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;  // user code is not to see EINTR because a launcher signals
  ::sigemptyset(&action.sa_mask);
  for (const int signo : kStopSignals) ::sigaction(signo, &action, nullptr);
}

void announce(AnnouncedSignals& announced, int signo) noexcept {
  announced.fetch_or(bit(signo), std::memory_order_acq_rel);
}

}  // namespace mpx::detail
