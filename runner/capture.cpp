#include "capture.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "descendants.hpp"
#include "leftovers.hpp"
#include "refusal.hpp"
#include "relay.hpp"
#include "signals.hpp"

namespace mpx::runner {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t kMostKept = 1 << 20;
constexpr auto kGrace = 1400ms;  // what mpirun needs to end its ranks

// Holds back the signals that end us for as long as the command runs, so that it goes first.
class HeldSignals {
 public:
  HeldSignals() {
    const sigset_t set = heeded({SIGINT, SIGTERM, SIGHUP, SIGCHLD});
    ::sigprocmask(SIG_BLOCK, &set, &before_);
    fd_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  ~HeldSignals() { restore(); }

  void restore() const { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }

  /// The signal that came and ends us, if one did.
  [[nodiscard]] std::optional<int> take() const {
    std::optional<int> end;
    signalfd_siginfo info;
    while (::read(fd_.get(), &info, sizeof info) == sizeof info) {
      if (info.ssi_signo != SIGCHLD) end = static_cast<int>(info.ssi_signo);
    }
    return end;
  }

 private:
  sigset_t before_{};
  Fd fd_;
};

[[noreturn]] void become(const Plan& plan, pid_t parent, const HeldSignals& signals,
                         const Pipe& out, const Pipe& err) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  signals.restore();
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(null, 0);
  ::dup2(out.writer.get(), 1);
  ::dup2(err.writer.get(), 2);
  for (const auto& [name, value] : plan.environment) ::setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> arguments;
  for (const std::string& word : plan.command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  std::fprintf(stderr, "cannot run %s: %s\n", arguments[0], std::strerror(errno));
  ::_exit(not_executable);
}

// Reads what is there; false at the end of the stream.
bool read_some(int fd, std::string& text) {
  char buffer[4096];
  const auto size = ::read(fd, buffer, sizeof buffer);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  const auto room = kMostKept - std::min(kMostKept, text.size());
  text.append(buffer, std::min(room, static_cast<std::size_t>(size)));
  return size > 0;
}

class Run {
 public:
  Run(const Plan& plan, std::chrono::milliseconds limit) : end_at_(Clock::now() + limit) {
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) {
      throw Refusal(1, fmt::format("cannot start a process: {}", std::strerror(errno)));
    }
    if (pid_ == 0) become(plan, parent, signals_, out_, err_);
    ::setpgid(pid_, pid_);
    out_.writer.close();
    err_.writer.close();
  }

  Captured run() {
    while (!ended_) {
      wait();
      if (const auto signal = signals_.take(); signal && !signal_) {
        signal_ = signal;
        begin_end();
      }
      reap();
      if (!ended_ && Clock::now() >= end_at_) on_time();
    }
    descendants_.end();  // which hold the pipes open
    remove_leftovers(pid_, mpirun_folder());
    drain();
    if (signal_) throw Refusal(signal_base + *signal_, "ended by a signal");
    return captured_;
  }

 private:
  void wait() {
    pollfd ready[] = {
        {signals_.fd(), POLLIN, 0}, {out_.reader.get(), POLLIN, 0}, {err_.reader.get(), POLLIN, 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_at_ - Clock::now()).count();
    if (::poll(ready, std::size(ready),
               static_cast<int>(std::clamp<std::int64_t>(left, 0, 60000))) <= 0) {
      return;
    }
    if (ready[1].revents != 0 && !read_some(out_.reader.get(), captured_.out)) out_.reader.close();
    if (ready[2].revents != 0 && !read_some(err_.reader.get(), captured_.err)) err_.reader.close();
  }

  // All processes that could write have ended.
  void drain() {
    while (out_.reader.get() >= 0 && read_some(out_.reader.get(), captured_.out)) {
    }
    while (err_.reader.get() >= 0 && read_some(err_.reader.get(), captured_.err)) {
    }
  }

  void begin_end() {
    ::kill(pid_, SIGTERM);
    ::kill(pid_, SIGCONT);
    ending_ = true;
    end_at_ = Clock::now() + kGrace;
  }

  void on_time() {
    if (ending_) {
      ::kill(pid_, SIGKILL);
      end_at_ = Clock::now() + 60s;
      return;
    }
    captured_.timed_out = true;
    begin_end();
  }

  void reap() {
    int status = 0;
    for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (pid != pid_) continue;
      ended_ = true;
      captured_.wait_status = status;
    }
  }

  Clock::time_point end_at_;
  HeldSignals signals_;
  Pipe out_;
  Pipe err_;
  const Descendants descendants_;
  pid_t pid_ = -1;
  bool ending_ = false;
  bool ended_ = false;
  std::optional<int> signal_;
  Captured captured_;
};

}  // namespace

Captured capture(const Plan& plan, std::chrono::milliseconds limit) {
  return Run(plan, limit).run();
}

}  // namespace mpx::runner
