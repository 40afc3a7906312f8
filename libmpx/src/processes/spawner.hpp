#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/channel.hpp"
#include "wire/word_map.hpp"

namespace mpx::detail {

/// How a child is started.
struct SpawnOptions {
  std::vector<int>
      cpus;  ///< to run on; empty: those of the rank at start; unknown ones are skipped
  std::vector<std::pair<std::string, std::string>>
      env;                         ///< set in the child, over what it inherits
  std::uint64_t memory_bytes = 0;  ///< private memory (RLIMIT_DATA); 0: no limit
};

/// What a new child begins with.
struct Birth {
  std::uint64_t serial = 0;
  Channel channel;
  const MappedWords* words = nullptr;  ///< that it reaches itself; null: none
};

/// What a new child runs; its return value is the exit status, given to std::exit. An exception
/// that leaves it ends the child by std::terminate.
using ChildMain = std::function<int(Birth birth)>;

/// What becomes of a child, or of who starts them.
struct SpawnEvent {
  enum class Type : std::uint32_t { started, failed, signalled, exited, server_died };
  Type type = Type::started;
  std::uint64_t serial = 0;
  pid_t pid = 0;
  int status = 0;  ///< exited, server_died: as from waitpid; failed: errno
};

/// Starts the processes of a rank, and tells how they end: a fork server, or in tests what starts
/// threads.
///
/// Thread safety: none; one thread at a time.
class Spawner {
 public:
  Spawner() = default;
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;
  virtual ~Spawner() = default;

  /// Asks for a child; started or failed, and later exited, come from poll(). Never waits for a child.
  virtual void spawn(std::uint64_t serial, ChannelFds fds, const SpawnOptions& options) = 0;

  /// Children that start from now on reach these words themselves; null: none.
  virtual void share(const SharedWords* words) = 0;

  /// Sends a signal to a child, if it has not ended; signalled comes from poll() then.
  virtual void signal(std::uint64_t serial, int signo) = 0;

  /// Becomes readable when poll() has something to return, and stays so after server_died.
  [[nodiscard]] virtual int socket() const = 0;

  /// What has happened since, in order; never blocks. server_died comes once, as the last event.
  virtual std::vector<SpawnEvent> poll() = 0;
};

}  // namespace mpx::detail
