#pragma once

#include <sys/types.h>

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mpx/bind_front.hpp"
#include "mpx/detail/callable.hpp"
#include "mpx/detail/process_core.hpp"
#include "mpx/duration.hpp"
#include "mpx/error.hpp"
#include "mpx/rank.hpp"

namespace mpx {

/// How and where a Process is started.
struct ProcessOptions {
  /// Empty: "Process-R.N", of rank R.
  std::string name = {};
  /// Ends with its parent, and may not start processes.
  bool daemon = false;
  /// The rank that is to supervise it; none: the least loaded with a free slot, else the least
  /// loaded.
  std::optional<Rank> rank = {};
  /// The host that it is to run on; empty: any.
  std::string host = {};
};

namespace detail {
struct ProcessAccess;
}

/// Names a process, for waiting for its end together with other things.
class Sentinel {
 public:
  [[nodiscard]] std::shared_ptr<detail::Core> mpx_core() const { return core_; }

 private:
  friend class Process;
  explicit Sentinel(std::shared_ptr<detail::ProcessCore> core) : core_(std::move(core)) {}
  std::shared_ptr<detail::ProcessCore> core_;
};

/// A function called in a process of its own, somewhere in the job: multiprocessing.Process.
///
/// It is a real process of the operating system: with a pid, signals and an exit code, and its
/// death is no more than an exit code to the others. It sees the program's globals as they were at
/// mpx::run, the working directory and environment that its starter has at start(), and an empty
/// standard input. More processes than slots may run. One that is no daemon is joined when its
/// parent ends.
///
/// A Process is a handle: copies name the same process, here and in other processes.
///
/// Thread safety: all members.
/// Cost:          start() a round trip to rank 0 and one to the rank chosen, and a fork there.
class Process {
 public:
  /// A Process that names nothing; start() throws UsageError.
  Process() : core_(detail::ProcessCore::make({}, {})) {}

  /// A process that will call `f(args…)`; see start(). `f` may be a function, a member function
  /// (the object first), a captureless lambda, a serialisable function object or a mpx::bind_front.
  /// Arguments travel by value. Its result is discarded.
  template <class F = detail::Unresolved, class... Args>
  requires(!std::same_as<std::decay_t<F>, ProcessOptions> &&
           !std::same_as<std::decay_t<F>, Process>) &&
      detail::OneFunction<F> explicit Process(F&& f, Args&&... args)
      : Process(ProcessOptions{}, std::forward<F>(f), std::forward<Args>(args)...) {}

  template <class F = detail::Unresolved, class... Args>
  requires detail::OneFunction<F>
  explicit Process(ProcessOptions options, F&& f, Args&&... args)
      : core_(detail::ProcessCore::make(
            {std::move(options.name), options.daemon, options.rank, std::move(options.host)},
            call_of(f, args...))) {}

  /// Starts it, and returns when it has a pid. Throws UsageError if it was started before, if the
  /// place asked for does not exist, or in a daemon; LaunchError if it cannot be started, also for
  /// the want of the working directory on another node.
  void start() const { core_->start(); }
  /// Blocks until it has ended. Throws UsageError before start().
  void join() const { static_cast<void>(core_->join(detail::Deadline::never())); }
  /// As join(), but waits at most `timeout`; whether it has ended.
  [[nodiscard]] bool join_for(Duration timeout) const {
    return core_->join(detail::Deadline::after(timeout));
  }
  /// Whether it has been started and has not ended. One round trip while it lives.
  [[nodiscard]] bool is_alive() const { return core_->is_alive(); }
  /// Its exit status once it has ended: −signal if killed, 1 after an exception, else as it exited.
  [[nodiscard]] std::optional<int> exit_code() const { return core_->exit_code(); }
  /// Sends SIGTERM, and returns when it has been sent. Does nothing if it has ended. Its own children
  /// go on.
  void terminate() const;
  /// The same with SIGKILL: nothing that comes later finds it alive.
  void kill() const;
  /// Gives up this process's copies of the handle; further use throws UsageError. Throws UsageError
  /// while it lives.
  void close() const { core_->close(); }

  [[nodiscard]] std::string name() const { return core_->name(); }
  /// Its process id on its host. Throws UsageError before start(), as rank() and host().
  [[nodiscard]] pid_t pid() const { return core_->pid(); }
  /// The rank that supervises it.
  [[nodiscard]] Rank rank() const { return core_->rank(); }
  [[nodiscard]] std::string host() const { return core_->host(); }
  [[nodiscard]] bool daemon() const { return core_->daemon(); }
  [[nodiscard]] Sentinel sentinel() const { return Sentinel(core_); }

  void mpx_save(detail::Writer& writer) const { core_->save(writer); }
  static Process mpx_load(detail::Reader& reader) {
    return Process(detail::ProcessCore::load(reader), Loaded{});
  }
  [[nodiscard]] std::shared_ptr<detail::Core> mpx_core() const { return core_; }

 private:
  struct Loaded {};
  friend struct detail::ProcessAccess;
  Process(std::shared_ptr<detail::ProcessCore> core, Loaded) : core_(std::move(core)) {}

  template <class F, class... Args>
  static detail::Payload call_of(const F& f, const Args&... args) {
    detail::Writer writer;
    detail::write_callable<const F&, Args...>(writer, f);
    detail::write_arguments(writer, args...);
    return writer.take();
  }

  std::shared_ptr<detail::ProcessCore> core_;
};

struct detail::ProcessAccess {
  static Process process(std::shared_ptr<ProcessCore> core) {
    return Process(std::move(core), Process::Loaded{});
  }
};

/// Who and where a process is.
struct ProcessInfo {
  std::string name;
  Rank rank;
  std::string host;
  pid_t pid = 0;
  bool daemon = false;
};

/// The calling process. Code inside a rank is called "MainProcess" on rank 0, "Rank-N" elsewhere.
ProcessInfo current_process();
/// The process that started the calling one, as it was then; nothing for a rank.
std::optional<ProcessInfo> parent_process();
/// Processes that the calling one has started and that have not ended. One round trip.
MPX_RETURNS_CONTAINER inline std::vector<Process> active_children() {
  std::vector<Process> children;
  detail::adopt_children([&](std::shared_ptr<detail::ProcessCore> core) {
    children.push_back(detail::ProcessAccess::process(std::move(core)));
  });
  return children;
}
/// Process slots of the whole job.
std::size_t cpu_count();

/// Ends the calling process with this status, as std::exit: in a Process, its exit code; in the
/// body of mpx::run, the program's, after its processes have ended in good order.
[[noreturn]] void exit(int status);

/// Whether a launcher, a scheduler or the user has asked the job to stop: SIGUSR1 or, from
/// a batch system, SIGTERM, sent to mpx-run, to a rank or to all processes. All ranks and processes
/// of mpx::run learn of it. What happens then is up to the program; it goes on otherwise.
bool stop_requested();

}  // namespace mpx
