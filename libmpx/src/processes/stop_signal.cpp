#include "processes/stop_signal.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

namespace mpx::detail {

namespace {

constexpr std::array kAnnounced{SIGTERM, SIGINT};
constexpr std::array kRequests{SIGUSR1, SIGUSR2};

std::atomic<bool> stop{false};
std::atomic<const AnnouncedSignals*> announced_to_us{nullptr};

std::atomic<const std::atomic<bool>*> stop_of_worker{nullptr};
std::atomic<std::uint32_t> rank_signals{0};
std::atomic<int> wake{-1};
pid_t owner = -1;     // the process of the handlers
pid_t launcher = -1;  // whose SIGTERM ends us
bool under_slurmstepd = false;
bool reports_end = false;
bool reports_are_silent = false;
std::atomic<bool> holds{false};  // HeldRequests

std::uint32_t bit(int signo) { return std::uint32_t{1} << signo; }

/// For a handler: ends this process with that signal's status.
void end_by(int signo) {
  ::signal(signo, SIG_DFL);
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, signo);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ::raise(signo);
}

void on_stop_signal(int signo) {
  const int saved = errno;
  const auto* announced = announced_to_us.load(std::memory_order_acquire);
  if (announced && (announced->load(std::memory_order_acquire) & bit(signo))) end_by(signo);
  if (::getpid() != owner) end_by(signo);  // a copy by fork() that is not at leave_copy_alone() yet
  stop.store(true, std::memory_order_release);
  errno = saved;
}

void note(std::uint32_t rank_signal) {
  rank_signals.fetch_or(rank_signal, std::memory_order_acq_rel);
}

void wake_rank() {
  const std::uint64_t one = 1;
  if (const int event = wake.load(std::memory_order_acquire); event >= 0)
    static_cast<void>(!::write(event, &one, sizeof one));
}

/// A request of a launcher or a user; also for a handler.
void heed(int signo) {
  if (signo == SIGUSR2) {
    note(RankSignals::kWaits);
  } else {
    const bool last_call = signo == SIGTERM && (under_slurmstepd || reports_are_silent);
    if (last_call || (under_slurmstepd && reports_are_silent)) note(RankSignals::kReport);
    stop.store(true, std::memory_order_release);
  }
  wake_rank();
}

void on_rank_signal(int signo, siginfo_t* info, void* /*context*/) {
  const int saved = errno;
  if (::getpid() != owner) {  // as above
    if (signo == SIGTERM) end_by(signo);
    errno = saved;
    return;
  }
  if (signo == SIGTERM && info->si_pid == launcher) {
    if (!reports_end || wake.load(std::memory_order_acquire) < 0) die_of_sigterm();
    note(RankSignals::kEnds);
    wake_rank();
  } else {
    heed(signo);
  }
  errno = saved;
}

sigset_t requests() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signo : kRequests) ::sigaddset(&set, signo);
  return set;
}

bool is_ours(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) != 0 ? action.sa_sigaction == on_rank_signal
                                             : action.sa_handler == on_stop_signal;
}

bool is_ignored(int signo) {
  struct sigaction action {};
  ::sigaction(signo, nullptr, &action);
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
}

/// In a copy of this process by fork(), which is nobody's rank or child: it can be ended by SIGTERM,
/// and what a launcher sends to the whole group to ask the job to stop does not end it, nor what it
/// executes.
void leave_copy_alone() {
  wake.store(-1, std::memory_order_release);
  for (const int signo : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) {
    struct sigaction action {};
    ::sigaction(signo, nullptr, &action);
    if (!is_ours(action)) continue;
    ::signal(signo, is_announced_signal(signo) ? SIG_DFL : SIG_IGN);
  }
  if (!holds) return;
  const auto set = requests();
  ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

void spare_copies() {
  static const int registered = ::pthread_atfork(nullptr, nullptr, leave_copy_alone);
  static_cast<void>(registered);
}

std::string name_of(pid_t process) {
  std::ifstream file(fmt::format("/proc/{}/comm", process));
  std::string name;
  std::getline(file, name);
  return name;
}

pid_t parent_of(pid_t process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  const std::string stat{std::istreambuf_iterator<char>(file), {}};
  const auto name_end = stat.rfind(')');  // pid (name) state ppid …
  return name_end == std::string::npos || name_end + 4 > stat.size()
             ? 0
             : static_cast<pid_t>(std::atoi(stat.c_str() + name_end + 4));
}

/// The nearest launcher above this process, past shells and the like in between.
void find_launcher() {
  constexpr std::array kMpirun{"mpirun", "mpiexec", "orterun", "orted", "prterun", "prted"};
  launcher = -1;
  under_slurmstepd = false;
  for (pid_t at = ::getppid(); at > 1; at = parent_of(at)) {
    const auto name = name_of(at);
    if (std::find(kMpirun.begin(), kMpirun.end(), name) != kMpirun.end()) {
      launcher = at;
      return;
    }
    if (name == "slurmstepd") {
      under_slurmstepd = true;
      return;
    }
  }
}

}  // namespace

bool is_announced_signal(int signo) noexcept {
  return std::find(kAnnounced.begin(), kAnnounced.end(), signo) != kAnnounced.end();
}

bool stop_flag() noexcept {
  const auto* shared = stop_of_worker.load(std::memory_order_acquire);
  return stop.load(std::memory_order_acquire) ||
         (shared && shared->load(std::memory_order_acquire));
}

void set_stop_flag() noexcept { stop.store(true, std::memory_order_release); }

void share_stop_flag(const std::atomic<bool>* flag) noexcept {
  stop_of_worker.store(flag, std::memory_order_release);
}

void install_stop_handlers(const AnnouncedSignals* announced) {
  owner = ::getpid();
  announced_to_us.store(announced, std::memory_order_release);
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART;  // user code is not to see EINTR because a launcher signals
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGTERM, &action, nullptr);
  // Ignored from the start, as by nohup or in a shell's background, it stays so, for what tasks start.
  if (!is_ignored(SIGINT)) ::sigaction(SIGINT, &action, nullptr);
  for (const int signo : kRequests) ::signal(signo, SIG_IGN);
  spare_copies();
}

void install_rank_handlers(bool launched, bool reports, bool silently) {
  owner = ::getpid();
  if (launched) find_launcher();
  reports_end = reports;
  reports_are_silent = silently;
  struct sigaction action {};
  action.sa_sigaction = on_rank_signal;
  action.sa_flags = SA_RESTART | SA_SIGINFO;
  ::sigemptyset(&action.sa_mask);
  if (!holds || !reports) {
    for (const int signo : kRequests) ::sigaction(signo, &action, nullptr);
  }
  if (launched) ::sigaction(SIGTERM, &action, nullptr);
  if (reports) spare_copies();  // the user's code runs here
}

HeldRequests::HeldRequests() {
  holds = true;
  const auto set = requests();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  const timespec now{};
  for (int signo = 0; (signo = ::sigtimedwait(&set, nullptr, &now)) > 0;) heed(signo);
  for (const int signo : kRequests) ::signal(signo, SIG_IGN);  // Linux keeps those that are blocked
}

void HeldRequests::listen() {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  listener_ = std::thread([this] {
    const auto set = requests();
    for (;;) {
      const int signo = ::sigwaitinfo(&set, nullptr);
      if (ends_) return;
      if (signo > 0) heed(signo);
    }
  });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void HeldRequests::release() noexcept {
  if (!std::exchange(held_, false)) return;
  if (listener_.joinable()) {
    ends_ = true;
    ::pthread_kill(listener_.native_handle(), SIGUSR2);
    listener_.join();
  }
  holds = false;
  const auto set = requests();
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

ReportSignal::ReportSignal() {
  owner = ::getpid();
  struct sigaction action {};
  ::sigaction(SIGUSR2, nullptr, &action);
  if ((action.sa_flags & SA_SIGINFO) != 0 || action.sa_handler != SIG_DFL) return;
  action.sa_sigaction = on_rank_signal;
  action.sa_flags = SA_RESTART | SA_SIGINFO;
  ::sigaction(SIGUSR2, &action, nullptr);
  installed_ = true;
  spare_copies();
}

ReportSignal::~ReportSignal() {
  struct sigaction action {};
  ::sigaction(SIGUSR2, nullptr, &action);
  const bool ours = (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == on_rank_signal;
  if (installed_ && ours) ::signal(SIGUSR2, SIG_DFL);
}

std::uint32_t take_rank_signals() noexcept {
  if (rank_signals.load(std::memory_order_relaxed) == 0) return 0;
  return rank_signals.exchange(0, std::memory_order_acq_rel);
}

void wake_on_signals(int event) noexcept { wake.store(event, std::memory_order_release); }

void die_of_sigterm() noexcept {
  end_by(SIGTERM);
  std::_Exit(128 + SIGTERM);
}

void announce(AnnouncedSignals& announced, int signo) noexcept {
  announced.fetch_or(bit(signo), std::memory_order_acq_rel);
}

}  // namespace mpx::detail
