#include "launch.hpp"

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
#include <memory>

#include "banner_filter.hpp"
#include "completion.hpp"
#include "descendants.hpp"
#include "leftovers.hpp"
#include "refusal.hpp"
#include "relay.hpp"

namespace mpx::runner {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

// mpirun gives ranks that heed SIGTERM about a second; then the whole job must go, within 2 s.
constexpr auto kGrace = 1400ms;
constexpr auto kHold = 100ms;   // text that looks like a banner is held back so long
constexpr auto kDrain = 300ms;  // silence after which, once all has ended, no more output comes

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD}) {
    sigaddset(&set, signal);
  }
  return set;
}

bool owns_terminal() { return ::isatty(0) == 1 && ::tcgetpgrp(0) == ::getpgrp(); }

// One run of mpirun, from fork to the last byte of its output.
class Job {
 public:
  Job(const Plan& plan, const LaunchOptions& options) : options_(options) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // what mpirun leaves behind becomes our child
    std::signal(SIGPIPE, SIG_IGN);
    const sigset_t handled = handled_signals();
    ::sigprocmask(SIG_BLOCK, &handled, &inherited_mask_);
    signals_ = Fd(::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
    start(plan);
    if (options_.timeout) time_out_at_ = Clock::now() + *options_.timeout;
  }

  JobEnd run() {
    while (!finished()) {
      wait();
      on_time();
    }
    return {wait_status_, end_signal_, timed_out_, completion_.read()};
  }

 private:
  void start(const Plan& plan);
  [[noreturn]] void become_mpirun(const Plan& plan, pid_t parent);
  void wait();
  void on_signals();
  void on_signal(int signal);
  void on_output();
  void on_input();
  void on_time();
  void begin_end();
  void reap();
  bool finished();
  [[nodiscard]] int milliseconds_left() const;

  LaunchOptions options_;
  CompletionFile completion_;
  sigset_t inherited_mask_{};
  Fd signals_;
  Pipe errors_;  // mpirun's stderr
  Pipe input_;   // its stdin, where ours is the terminal
  std::unique_ptr<Relay> error_relay_;
  std::unique_ptr<Relay> input_relay_;
  BannerFilter filter_;
  pid_t mpirun_ = -1;
  bool mpirun_ended_ = false;
  int wait_status_ = 0;
  std::optional<int> end_signal_;
  bool timed_out_ = false;
  std::optional<Clock::time_point> time_out_at_;
  std::optional<Clock::time_point> kill_at_;
  std::optional<Clock::time_point> hold_until_;
  std::optional<Clock::time_point> drain_until_;
  bool drained_ = false;
};

// mpirun gets a process group of its own, or Ctrl-C would reach it twice, from the terminal and
// from us, and it takes the second for "drop everything". Then it may not read the terminal: we do.
void Job::start(const Plan& plan) {
  if (!options_.all_output) error_relay_ = std::make_unique<Relay>(errors_.reader.get(), 2);
  if (owns_terminal()) input_relay_ = std::make_unique<Relay>(0, input_.writer.get());
  const pid_t parent = ::getpid();
  mpirun_ = ::fork();
  if (mpirun_ < 0) {
    throw Refusal(1, fmt::format("cannot start mpirun: {}", std::strerror(errno)));
  }
  if (mpirun_ == 0) become_mpirun(plan, parent);
  ::setpgid(mpirun_, mpirun_);  // also here: whoever comes first
  errors_.writer.close();
  input_.reader.close();
}

void Job::become_mpirun(const Plan& plan, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(1);
  std::signal(SIGPIPE, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &inherited_mask_, nullptr);
  if (error_relay_) ::dup2(errors_.writer.get(), 2);
  if (input_relay_) ::dup2(input_.reader.get(), 0);
  for (const auto& [name, value] : plan.environment) ::setenv(name.c_str(), value.c_str(), 1);
  // By environment and not by -x: only ranks on this machine can write the file.
  ::setenv("MPX_COMPLETION", completion_.path().c_str(), 1);
  std::vector<char*> arguments;
  for (const std::string& word : plan.command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  std::fprintf(stderr, "mpx-run: cannot run %s: %s\n", arguments[0], std::strerror(errno));
  ::_exit(not_executable);
}

int Job::milliseconds_left() const {
  std::optional<Clock::time_point> next;
  for (const auto& at : {time_out_at_, kill_at_, hold_until_, drain_until_}) {
    if (at && (!next || *at < *next)) next = at;
  }
  if (!next) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

void Job::wait() {
  pollfd ready[] = {{signals_.get(), POLLIN, 0}, {-1, 0, 0}, {-1, 0, 0}};
  if (error_relay_) ready[1] = error_relay_->interest();
  if (input_relay_) ready[2] = input_relay_->interest();
  if (::poll(ready, std::size(ready), milliseconds_left()) <= 0) return;
  if (ready[0].revents != 0) on_signals();
  if (ready[1].revents != 0) on_output();
  if (ready[2].revents != 0 && !mpirun_ended_) on_input();
}

void Job::on_signals() {
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    on_signal(static_cast<int>(info.ssi_signo));
  }
}

void Job::on_signal(int signal) {
  switch (signal) {
    case SIGCHLD:
      reap();
      break;
    case SIGUSR1:
    case SIGUSR2:
      if (!mpirun_ended_) ::kill(mpirun_, signal);
      break;
    default:
      if (!end_signal_ && !timed_out_ && !mpirun_ended_) {
        end_signal_ = signal;
        begin_end();
      }
  }
}

void Job::on_output() {
  const std::string read = error_relay_->step();
  if (!read.empty()) error_relay_->write(filter_.feed(read));
  if (error_relay_->ended()) error_relay_->write(filter_.flush());
  hold_until_.reset();
  if (filter_.holds_text()) hold_until_ = Clock::now() + kHold;
  if (mpirun_ended_) drain_until_ = Clock::now() + kDrain;
}

void Job::on_input() {
  if (input_relay_->interest().fd == 0 && !owns_terminal()) {
    input_relay_.reset();  // put into the background: the terminal's input is not ours any more
    return;
  }
  input_relay_->write(input_relay_->step());
  if (input_relay_->ended() && input_relay_->idle()) {
    input_relay_.reset();
    input_.writer.close();
  }
}

void Job::on_time() {
  const auto due = [now = Clock::now()](auto& at) {
    const bool is_due = at && *at <= now;
    if (is_due) at.reset();
    return is_due;
  };
  if (due(hold_until_)) error_relay_->write(filter_.flush());
  if (due(time_out_at_) && !mpirun_ended_ && !end_signal_) {
    timed_out_ = true;
    std::fprintf(stderr, "mpx-run: the time limit of %.6g s is over; ending the job\n",
                 static_cast<double>(options_.timeout->count()) / 1e3);
    begin_end();
  }
  // A slow reader gets all of an ordinary job's output; a job that is to end does not wait for one.
  if (due(drain_until_)) drained_ = end_signal_ || timed_out_ || error_relay_->idle();
  if (due(kill_at_) && !mpirun_ended_) ::kill(mpirun_, SIGKILL);
}

void Job::begin_end() {
  ::kill(mpirun_, SIGTERM);
  ::kill(mpirun_, SIGCONT);
  kill_at_ = Clock::now() + kGrace;
}

void Job::reap() {
  int status = 0;
  for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid != mpirun_) continue;
    mpirun_ended_ = true;
    wait_status_ = status;
    time_out_at_.reset();
    kill_at_.reset();
    hold_until_.reset();
    end_descendants();
    remove_leftovers(mpirun_, mpirun_folder());
    if (error_relay_) drain_until_ = Clock::now() + kDrain;
  }
}

bool Job::finished() {
  if (!mpirun_ended_) return false;
  return !error_relay_ || drained_ || (error_relay_->ended() && error_relay_->idle());
}

}  // namespace

int launch(const Plan& plan, const LaunchOptions& options) {
  const Outcome outcome = judge(Job(plan, options).run());
  if (!outcome.message.empty()) std::fprintf(stderr, "mpx-run: %s\n", outcome.message.c_str());
  return outcome.status;
}

}  // namespace mpx::runner
