#include "processes/fork_server_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <string>
#include <utility>

#include "core/fd_passing.hpp"
#include "core/pack.hpp"
#include "mpx/error.hpp"
#include "processes/descendants.hpp"
#include "processes/launcher_environment.hpp"
#include "processes/start_conditions.hpp"

namespace mpx::detail {

namespace {

constexpr std::chrono::seconds kKillLimit{5};

// All but those that a fault raises: blocked, these would end the process without a trace.
sigset_t maskable_signals() {
  sigset_t set;
  ::sigfillset(&set);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) {
    ::sigdelset(&set, fault);
  }
  return set;
}

// Best effort in all of these: a child that runs elsewhere, or is as dear to the kernel as its
// rank, is better than none.
void volunteer_for_oom() {
  const UniqueFd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (file && ::write(file.get(), "1000", 4) < 0) return;
}

void run_on(ByteView cpus) {
  int last = 0;
  std::vector<int> numbers(cpus.size() / sizeof(int));
  std::memcpy(numbers.data(), cpus.data(), cpus.size());
  for (const int cpu : numbers) last = std::max(last, cpu);
  const auto bytes = CPU_ALLOC_SIZE(last + 1);
  cpu_set_t* set = CPU_ALLOC(last + 1);
  if (!set) return;
  CPU_ZERO_S(bytes, set);
  for (const int cpu : numbers) {
    if (cpu >= 0) CPU_SET_S(static_cast<std::size_t>(cpu), bytes, set);
  }
  (void)::sched_setaffinity(0, bytes, set);
  CPU_FREE(set);
}

void set_environment(ByteView block) {
  const auto* at = reinterpret_cast<const char*>(block.data());
  const auto* end = at + block.size();
  while (at < end) {
    const std::string entry(at);
    at += entry.size() + 1;
    const auto equals = entry.find('=');
    ::setenv(entry.substr(0, equals).c_str(), entry.c_str() + equals + 1, 1);
  }
}

void limit_memory(std::uint64_t bytes) {
  rlimit limit{};
  ::getrlimit(RLIMIT_DATA, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, bytes);
  ::setrlimit(RLIMIT_DATA, &limit);
}

void flush_streams() {
  std::cout.flush();
  std::clog.flush();
  std::fflush(nullptr);
}

}  // namespace

ForkServerProcess::ForkServerProcess(UniqueFd socket, pid_t rank, pid_t group, ChildMain child_main)
    : socket_(std::move(socket)),
      self_(::getpid()),
      rank_(rank),
      group_(group),
      child_main_(std::move(child_main)) {}

void ForkServerProcess::run() noexcept {
  try {
    isolate();
    for (;;) {
      pollfd ready[2] = {{socket_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
      if (!unsent_.empty()) ready[0].events |= POLLOUT;
      if (::poll(ready, 2, -1) < 0 && errno != EINTR) {
        throw TransportError(std::string("cannot wait for the rank: ") + std::strerror(errno));
      }
      // Asked anew each time, as a process that the rank forked may hold the socket open.
      if (::getppid() != rank_) end(0);
      if (ready[1].revents != 0) reap();
      if (ready[0].revents != 0 && !take_commands()) end(0);
      flush();
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mpx: the fork server of rank process %d fails: %s\n",
                 static_cast<int>(rank_), error.what());
    end(1);
  }
}

void ForkServerProcess::isolate() {
  const auto set = maskable_signals();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  reset_ignored_signals();  // SIGCHLD, ignored, would let the kernel reap our children
  empty_standard_input();
  signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) throw LaunchError(std::string("no signalfd: ") + std::strerror(errno));
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // only to wake us: we then see who our parent is
  // A group of our own: a launcher that kills the rank's whole group must leave one who cleans up.
  ::setpgid(0, 0);
  ::prctl(PR_GET_NAME, name_of_rank_);
  ::prctl(PR_SET_NAME, "mpx-template");
  remove_launcher_variables();
}

bool ForkServerProcess::take_commands() {
  for (;;) {
    auto message = recv_fds(socket_.get(), buffer_);
    if (message.state == ReceivedMessage::State::nothing_yet) return true;
    if (message.state == ReceivedMessage::State::end) return false;
    ForkServerCommand command;
    std::memcpy(&command, buffer_.data(), sizeof command);
    const auto rest = ByteView(buffer_.data(), message.length).subspan(sizeof command);
    switch (command.operation) {
      case ForkServerCommand::Operation::signal:
        signal(command);
        break;
      case ForkServerCommand::Operation::words:
        map_words(rest, std::move(message.fds));
        break;
      case ForkServerCommand::Operation::spawn:
        spawn(command, rest, std::move(message.fds));
    }
  }
}

/// Mapped here, they are so in all children to come.
void ForkServerProcess::map_words(ByteView layout, std::vector<UniqueFd> fds) {
  words_.reset();
  if (layout.empty()) return;  // those of an earlier Session are gone
  try {
    if (fds.size() != 1) throw TransportError("no descriptor is left for their memory (ulimit -n)");
    words_ = std::make_unique<MappedWords>(
        SharedWords{std::move(fds[0]), Unpacker(layout).get<WordLayout>()});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mpx: processes of rank process %d ask it for words: %s\n",
                 static_cast<int>(rank_), error.what());
  }
}

void ForkServerProcess::spawn(const ForkServerCommand& command, ByteView rest,
                              std::vector<UniqueFd> fds) {
  using Type = SpawnEvent::Type;
  if (fds.size() != 2) return report({Type::failed, command.serial, 0, EMFILE});
  AnnouncedSignals* announced = take_slot();
  const pid_t pid = announced ? ::fork() : -1;
  if (pid == 0) {
    become_child(command, rest, {std::move(fds[0]), std::move(fds[1])}, announced);
  }
  if (pid < 0) {
    const int error = errno;
    if (announced) free_slots_.push_back(announced);
    return report({Type::failed, command.serial, 0, error});
  }
  children_[pid] = {command.serial, announced};
  pids_[command.serial] = pid;
  report({Type::started, command.serial, pid, 0});
}

void ForkServerProcess::become_child(const ForkServerCommand& command, ByteView rest,
                                     ChannelFds fds, const AnnouncedSignals* announced) noexcept {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  socket_.reset();
  signals_.reset();
  if (::getppid() != self_) ::_exit(1);
  ::setpgid(0, group_);
  ::prctl(PR_SET_NAME, name_of_rank_);
  volunteer_for_oom();
  const auto cpu_bytes = command.cpu_count * sizeof(int);
  if (command.cpu_count > 0) run_on(rest.first(cpu_bytes));
  set_environment(rest.subspan(cpu_bytes, command.env_bytes));
  if (command.memory_bytes > 0) limit_memory(command.memory_bytes);
  restore_open_files();
  install_stop_handlers(announced);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int status =
      child_main_({command.serial, Channel(Channel::Side::child, std::move(fds)), words_.get()});
  flush_streams();
  std::exit(status);
}

void ForkServerProcess::signal(const ForkServerCommand& command) {
  const auto found = pids_.find(command.serial);
  if (found != pids_.end()) {  // else it has ended, which has been reported
    if (is_announced_signal(command.signo))
      announce(*children_[found->second].announced, command.signo);
    ::kill(found->second, command.signo);
  }
  report({SpawnEvent::Type::signalled, command.serial, 0, command.signo});
}

void ForkServerProcess::reap() {
  signalfd_siginfo info[16];
  while (::read(signals_.get(), info, sizeof info) > 0) {
  }
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    const auto found = children_.find(pid);
    if (found == children_.end()) continue;  // an orphan that we adopted
    const auto child = found->second;
    children_.erase(found);
    pids_.erase(child.serial);
    child.announced->store(0, std::memory_order_relaxed);
    free_slots_.push_back(child.announced);
    report({SpawnEvent::Type::exited, child.serial, pid, status});
  }
}

void ForkServerProcess::report(const SpawnEvent& event) {
  unsent_.push_back(event);
  flush();
}

// Never waits: a rank that is busy sending commands must not wait for us while we wait for it.
void ForkServerProcess::flush() {
  while (!unsent_.empty()) {
    const auto bytes = std::as_bytes(std::span(&unsent_.front(), 1));
    if (!send_fds(socket_.get(), bytes, {}, SendMode::try_once)) return;
    unsent_.pop_front();
  }
}

// Slots come by the page and are reused, so the list of mappings that each fork copies stays short.
AnnouncedSignals* ForkServerProcess::take_slot() {
  if (free_slots_.empty()) {
    constexpr std::size_t kCount = 1024;
    void* page = ::mmap(nullptr, kCount * sizeof(AnnouncedSignals), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return nullptr;
    auto* slots = static_cast<AnnouncedSignals*>(page);
    for (std::size_t i = 0; i < kCount; ++i) free_slots_.push_back(slots + i);
  }
  AnnouncedSignals* slot = free_slots_.back();
  free_slots_.pop_back();
  return slot;
}

void ForkServerProcess::end(int status) noexcept {
  kill_descendants(kKillLimit);
  ::_exit(status);  // destructors and atexit handlers belong to the rank
}

}  // namespace mpx::detail
