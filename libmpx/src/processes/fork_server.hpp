#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "core/unique_fd.hpp"
#include "processes/spawner.hpp"

namespace mpx::detail {

/// The rank's side of its fork server: a process, forked while the program was small and had one
/// thread, that forks the rank's children, reaps them and reports how they ended.
///
/// The rank may die in any way: the fork server then kills all its descendants, those that went into
/// the background or another session too, and ends. If the fork server dies, its children die.
///
/// Children inherit standard output and error, and have an empty standard input. No signal is blocked
/// in them; those that the rank ignores have their default action (start_conditions.hpp: but for some),
/// and SIGTERM, SIGINT, SIGUSR1 and SIGUSR2 are libmpx's (stop_signal.hpp). They are the kernel's first
/// choice when memory runs out, and see no launcher's variables.
///
/// Thread safety: none; one thread at a time.
class ForkServer final : public Spawner {
 public:
  /// Opens /dev/null where standard descriptors are closed, flushes stdio and the standard streams,
  /// raises the limit of open files (children have the old one), and forks the fork server. Throws
  /// LaunchError if the program has more than one thread, or if
  /// it cannot fork.
  static std::unique_ptr<ForkServer> start(ChildMain child_main);

  ~ForkServer()
      override;  ///< as stop(); in a process forked from the rank, lets go of the fork server only

  /// May wait for the server to take in earlier requests. Does nothing if the fork server is dead.
  /// Throws UsageError if `serial` and `options` take more than 64 KiB.
  void spawn(std::uint64_t serial, ChannelFds fds, const SpawnOptions& options = {}) override;
  void share(const SharedWords* words) override;
  /// SIGTERM and SIGINT end a child with that signal's status, unless the user's code has taken over
  /// their handlers; SIGUSR1 and SIGUSR2 are ignored.
  void signal(std::uint64_t serial, int signo) override;
  [[nodiscard]] int socket() const override { return socket_.get(); }
  std::vector<SpawnEvent> poll() override;

  /// Ends the fork server, after it has killed all its descendants, and waits for that.
  void stop() noexcept;

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  ForkServer(UniqueFd socket, pid_t pid, pid_t owner);
  void reap(int* status) noexcept;

  UniqueFd socket_;
  pid_t pid_ = -1;    // -1: ended and reaped
  pid_t owner_ = -1;  // the rank
};

}  // namespace mpx::detail
