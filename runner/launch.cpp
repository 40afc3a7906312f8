#include "launch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "completion.hpp"
#include "connections.hpp"
#include "descendants.hpp"
#include "ending.hpp"
#include "job_output.hpp"
#include "leftovers.hpp"
#include "refusal.hpp"
#include "relay.hpp"
#include "signals.hpp"

namespace mpx::runner {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

// From the word to end the job to the kill. mpirun gives ranks about a second; then the whole job
// must go, within 2 s.
constexpr auto kPatience = 1400ms;
// srun must not be killed as long as it may still end ranks on other nodes; it is interrupted first.
constexpr auto kPatienceSrun = 10s;
constexpr auto kInterruptSrun = 1000ms;
constexpr auto kAskAgain = 100ms;
constexpr auto kReport = 1500ms;  // processes that compute do not answer: libmpx waits 1 s for them
// A lost link is noticed after so long, also while something is under way to it; the keepalive that
// mpirun is set to takes 6 s. mpirun's connections are looked at after a second, then ever more rarely.
constexpr auto kUnacknowledged = 8s;
constexpr Clock::duration kConnections = 1s, kConnectionsLongest = 60s;
constexpr auto kDrain = 300ms;  // silence after which, once all has ended, no more output comes

sigset_t handled_signals() {
  return heeded({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD});
}

bool owns_terminal() { return ::isatty(0) == 1 && ::tcgetpgrp(0) == ::getpgrp(); }

// One run of mpirun, from fork to the last byte of its output.
class Job {
 public:
  Job(const Plan& plan, const LaunchOptions& options)
      : options_(options),
        srun_(plan.srun),
        ending_({options.timeout, options.grace, plan.srun ? kPatienceSrun : kPatience, kReport},
                Clock::now()),
        output_(options.all_output, plan.relays, completion_.folder()) {
    std::signal(SIGPIPE, SIG_IGN);
    const sigset_t handled = handled_signals();
    ::sigprocmask(SIG_BLOCK, &handled, nullptr);
    signals_ = Fd(::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
    start(plan);
  }

  JobEnd run() {
    while (!finished()) {
      wait();
      on_time();
    }
    descendants_.end();
    auto completion = completion_.read();
    if (completion.unfinished == said_) completion.unfinished.clear();
    return {.wait_status = wait_status_,
            .signal = ending_.signal(),
            .timed_out = ending_.timed_out(),
            .completion = completion,
            .lost_node = output_.lost_node(),
            .cannot_execute = output_.cannot_execute(),
            .output_is_lost = output_.is_lost()};
  }

 private:
  void start(const Plan& plan);
  [[noreturn]] void become_mpirun(const Plan& plan, pid_t parent);
  void wait();
  void on_signals();
  void on_signal(int signal);
  void on_output(const JobOutput::Interest& ready);
  void on_output_closed(short events);
  void on_input();
  void on_time();
  void ask_to_stop();
  void act(Ending::Action action);
  void begin_end();
  void say_unfinished();
  [[nodiscard]] bool can_stop() const { return completion_.read().started; }
  void reap();
  bool finished();
  [[nodiscard]] int milliseconds_left() const;

  LaunchOptions options_;
  bool srun_;
  Ending ending_;
  CompletionFile completion_;
  Fd signals_;
  JobOutput output_;
  Pipe input_;  // mpirun's stdin, where ours is the terminal
  std::unique_ptr<Relay> input_relay_;
  const Descendants descendants_;
  pid_t mpirun_ = -1;
  bool mpirun_ended_ = false;
  int wait_status_ = 0;
  std::optional<Clock::time_point> interrupt_at_;
  std::optional<Clock::time_point> ask_again_at_;
  std::optional<Clock::time_point> say_at_;
  std::optional<Clock::time_point> connections_at_;  // those of mpirun to other nodes are looked at
  Clock::duration connections_pause_ = kConnections;
  std::string said_;  // of what is unfinished
  std::optional<Clock::time_point> drain_until_;
  bool drained_ = false;
  bool output_is_read_ = true;
  bool limit_said_ = false;
};

// mpirun gets a process group of its own, or Ctrl-C would reach it twice, from the terminal and
// from us, and it takes the second for "drop everything". Then it may not read the terminal: we do.
void Job::start(const Plan& plan) {
  if (owns_terminal()) input_relay_ = std::make_unique<Relay>(0, input_.writer.get());
  const pid_t parent = ::getpid();
  mpirun_ = ::fork();
  if (mpirun_ < 0) {
    throw Refusal(1, fmt::format("cannot start mpirun: {}", std::strerror(errno)));
  }
  if (mpirun_ == 0) become_mpirun(plan, parent);
  ::setpgid(mpirun_, mpirun_);  // also here: whoever comes first
  output_.launcher_has_it();
  input_.reader.close();
  if (!plan.srun && plan.nodes.size() > 1) connections_at_ = Clock::now() + kConnections;
}

// A batch system sends SIGTERM to all processes of the job. It means us, and the ranks; mpirun would
// end the job at once, so it does not get to see it and is ended by SIGINT. Its ranks do see it. The
// same holds for a hang-up that we ignore, since mpirun heeds it even then.
void Job::become_mpirun(const Plan& plan, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGINT);
  if (::getppid() != parent) ::_exit(1);
  std::signal(SIGPIPE, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);  // by which it is ended, also where we ignore it
  sigset_t blocked;
  sigemptyset(&blocked);
  if (!srun_) {
    ::sigaddset(&blocked, SIGTERM);
    ::sigaddset(&blocked, SIGPIPE);  // mpirun would abort, and crash; we end it
    if (is_ignored(SIGHUP)) ::sigaddset(&blocked, SIGHUP);
  }
  ::sigprocmask(SIG_SETMASK, &blocked, nullptr);
  completion_.note_launcher(::getpid());
  output_.become_ours();
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
  for (const auto& at : {ending_.next(), interrupt_at_, ask_again_at_, say_at_, connections_at_,
                         output_.next(), drain_until_}) {
    if (at && (!next || *at < *next)) next = at;
  }
  if (!next) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

void Job::wait() {
  const auto output = output_.interest();
  pollfd ready[] = {{signals_.get(), POLLIN, 0},     {-1, 0, 0}, {-1, 0, 0}, {-1, 0, 0}, {-1, 0, 0},
                    {output_is_read_ ? 1 : -1, 0, 0}};
  std::copy(output.begin(), output.end(), ready + 1);
  if (input_relay_) ready[4] = input_relay_->interest();
  if (::poll(ready, std::size(ready), milliseconds_left()) <= 0) return;
  if (ready[0].revents != 0) on_signals();
  const JobOutput::Interest moved{ready[1], ready[2], ready[3]};
  const auto is_ready = [](const pollfd& one) { return one.revents != 0; };
  if (std::any_of(moved.begin(), moved.end(), is_ready)) on_output(moved);
  if (ready[5].revents != 0 || output_.is_unread()) on_output_closed(ready[5].revents);
  if (ready[4].revents != 0 && !mpirun_ended_) on_input();
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
      if (!mpirun_ended_) ask_to_stop();
      break;
    case SIGUSR2:
      if (!mpirun_ended_) ::kill(mpirun_, signal);
      break;
    default:
      if (!mpirun_ended_) act(ending_.on_signal(signal, Clock::now(), can_stop()));
  }
}

// The launcher passes it on to the ranks. Where these are not ready for it yet, again when they are.
void Job::ask_to_stop() {
  ::kill(mpirun_, SIGUSR1);
  if (!can_stop()) ask_again_at_ = Clock::now() + kAskAgain;
}

void Job::act(Ending::Action action) {
  switch (action) {
    case Ending::Action::report:
      ::kill(mpirun_, SIGUSR2);
      break;
    case Ending::Action::ask:
      if (ending_.timed_out()) ::kill(mpirun_, SIGUSR2);
      ask_to_stop();
      if (srun_ && ending_.signal() == SIGTERM) say_at_ = Clock::now() + kAskAgain;
      break;
    case Ending::Action::end:
      begin_end();
      break;
    case Ending::Action::kill:
      ::kill(mpirun_, SIGKILL);
      break;
    case Ending::Action::none:
      return;
  }
  if (action == Ending::Action::kill) return;
  const auto seconds = [](std::chrono::milliseconds time) {
    return static_cast<double>(time.count()) / 1e3;
  };
  std::string text;
  if (ending_.grace_is_over()) {
    text =
        fmt::format("the job has not stopped within {:.6g} s; ending it", seconds(options_.grace));
  } else if (ending_.timed_out() && !std::exchange(limit_said_, true)) {
    text = fmt::format("the time limit of {:.6g} s is over; ", seconds(*options_.timeout));
    text += action == Ending::Action::ask ? "asking the job to stop" : "ending the job";
  } else if (action == Ending::Action::ask) {
    text = fmt::format("SIGTERM: asking the job to stop, within {:.6g} s", seconds(options_.grace));
  }
  if (!text.empty()) output_.say("mpx-run: " + text + "\n");
}

void Job::on_output(const JobOutput::Interest& ready) {
  output_.step(ready);
  if (mpirun_ended_) drain_until_ = Clock::now() + kDrain;
}

// As with any program whose reader is gone ("| head"): the job ends, with the status of SIGPIPE.
void Job::on_output_closed(short events) {
  if (!std::exchange(output_is_read_, false) || mpirun_ended_) return;
  if ((events & POLLERR) == 0 && !output_.is_unread()) return;
  act(ending_.on_signal(SIGPIPE, Clock::now(), can_stop()));
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
  output_.time(Clock::now());
  if (!mpirun_ended_) act(ending_.on_time(Clock::now(), can_stop()));
  if (due(interrupt_at_) && !mpirun_ended_) ::kill(mpirun_, SIGINT);
  if (due(ask_again_at_) && !mpirun_ended_) {
    if (can_stop()) {
      ::kill(mpirun_, SIGUSR1);
    } else {
      ask_again_at_ = Clock::now() + kAskAgain;
    }
  }
  if (due(connections_at_) && !mpirun_ended_) {
    limit_unacknowledged(mpirun_, kUnacknowledged);
    // New ones are rare once the job runs.
    connections_at_ = Clock::now() + connections_pause_;
    connections_pause_ = std::min<Clock::duration>(2 * connections_pause_, kConnectionsLongest);
  }
  if (due(say_at_)) say_unfinished();
  // A slow reader gets all of an ordinary job's output; a job that is to end does not wait for one.
  if (due(drain_until_)) drained_ = ending_.begun() || output_.idle();
}

void Job::begin_end() {
  // srun kills the ranks at SIGTERM and at SIGINT. At SIGUSR1, which it passes on, rank 0 says what
  // is unfinished.
  if (srun_) interrupt_at_ = Clock::now() + kInterruptSrun;
  ::kill(mpirun_, srun_ ? SIGUSR1 : SIGINT);
  ::kill(mpirun_, SIGCONT);
}

// When Slurm ends a job, all that began with SIGTERM ends with SIGKILL, us included, after a time
// that is not known here and may be shorter than the grace. So this is said as soon as it is known.
void Job::say_unfinished() {
  said_ = completion_.read().unfinished;
  if (said_.empty()) {
    say_at_ = Clock::now() + kAskAgain;
  } else {
    output_.say(said_);
  }
}

void Job::reap() {
  int status = 0;
  for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid != mpirun_) continue;
    mpirun_ended_ = true;
    wait_status_ = status;
    ending_.over();
    interrupt_at_.reset();
    ask_again_at_.reset();
    say_at_.reset();
    descendants_.end(false);
    output_.launcher_is_gone();
    if (!srun_) remove_leftovers(mpirun_, mpirun_folder());
    drain_until_ = Clock::now() + kDrain;
  }
}

bool Job::finished() {
  if (!mpirun_ended_) return false;
  return drained_ || output_.ended();
}

}  // namespace

int launch(const Plan& plan, const LaunchOptions& options) {
  JobEnd end = Job(plan, options).run();
  end.nodes = plan.nodes;
  if (!end.completion.status) std::fputs(end.completion.unfinished.c_str(), stderr);
  const Outcome outcome = judge(end);
  if (!outcome.message.empty()) std::fprintf(stderr, "mpx-run: %s\n", outcome.message.c_str());
  return outcome.status;
}

}  // namespace mpx::runner
