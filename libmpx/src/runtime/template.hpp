#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/channel.hpp"
#include "core/unique_fd.hpp"

namespace mpx::detail {

/// How a child is started.
struct SpawnOptions {
  std::vector<int>
      cpus;  ///< to run on; empty: those of the rank at start; unknown ones are skipped
  std::vector<std::pair<std::string, std::string>>
      env;                         ///< set in the child, over what it inherits
  std::uint64_t memory_bytes = 0;  ///< private memory (RLIMIT_DATA); 0: no limit
};

/// The rank's side of its template: a process, forked while the program was small and had one
/// thread, that forks the rank's children, reaps them and reports how they ended.
///
/// The rank may die in any way: the template then kills all its descendants, those that went into
/// the background or another session too, and ends. If the template dies, its children die.
///
/// Children inherit standard output and error, and have an empty standard input. No signal is blocked
/// in them; those that the rank ignores have their default action (start_conditions.hpp: but for some),
/// and SIGTERM, SIGINT, SIGUSR1 and SIGUSR2 are libmpx's (stop_signal.hpp). They are the kernel's first
/// choice when memory runs out, and see no launcher's variables.
///
/// Thread safety: none; one thread at a time.
class Template {
 public:
  /// What a new child runs; its return value is the exit status, given to std::exit. An exception
  /// that leaves it ends the child by std::terminate.
  using ChildMain = std::function<int(std::uint64_t serial, Channel channel)>;

  struct Event {
    enum class Type : std::uint32_t { started, failed, exited, template_died };
    Type type = Type::started;
    std::uint64_t serial = 0;
    pid_t pid = 0;
    int status = 0;  ///< exited, template_died: as from waitpid; failed: errno
  };

  /// Opens /dev/null where standard descriptors are closed, flushes stdio and the standard streams,
  /// raises the limit of open files (children have the old one), and forks the template. Throws LaunchError if the program has more than one thread, or if
  /// it cannot fork.
  static Template start(ChildMain child_main);

  Template(Template&& other) noexcept;
  Template& operator=(Template&& other) noexcept;
  ~Template();  ///< as stop(); in a process forked from the rank, lets go of the template only

  /// Asks for a child; started or failed, and later exited, come from poll(). May wait for the
  /// template to take in earlier requests, never for a child. Does nothing if the template is dead.
  /// Throws UsageError if `serial` and `options` take more than 64 KiB.
  void spawn(std::uint64_t serial, ChannelFds fds, const SpawnOptions& options = {});

  /// Sends a signal to a child, if it has not ended. SIGTERM and SIGINT end it with that signal's
  /// status, unless the user's code has taken over their handlers; SIGUSR1 and SIGUSR2 are ignored.
  void signal(std::uint64_t serial, int signo);

  /// Becomes readable when poll() has something to return, and stays so after template_died.
  [[nodiscard]] int socket() const { return socket_.get(); }

  /// What has happened since, in order; never blocks. template_died comes once, as the last event.
  std::vector<Event> poll();

  /// Ends the template, after it has killed all its descendants, and waits for that.
  void stop() noexcept;

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  Template(UniqueFd socket, pid_t pid, pid_t owner);
  void reap(int* status) noexcept;

  UniqueFd socket_;
  pid_t pid_ = -1;    // -1: ended and reaped
  pid_t owner_ = -1;  // the rank
};

}  // namespace mpx::detail
