#pragma once

#include <sys/types.h>

#include <cstddef>
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

/// What becomes of a child, or of the server.
struct ForkServerEvent {
  enum class Type : std::uint32_t { started, failed, signalled, exited, server_died };
  Type type = Type::started;
  std::uint64_t serial = 0;
  pid_t pid = 0;
  int status = 0;  ///< exited, server_died: as from waitpid; failed: errno
};

/// First part of each message from a rank to its fork server. For a child, `cpu_count` ints and
/// `env_bytes` bytes of "NAME=value\0" follow, and the descriptors of its channel travel with it; for
/// words, their WordLayout and memory.
struct ForkServerCommand {
  enum class Operation : std::uint32_t { spawn, signal, words };
  Operation operation = Operation::spawn;
  std::int32_t signo = 0;
  std::uint64_t serial = 0;
  std::uint64_t memory_bytes = 0;
  std::uint32_t cpu_count = 0;
  std::uint32_t env_bytes = 0;
};
inline constexpr std::size_t kMaxCommandBytes = 64 * 1024;

}  // namespace mpx::detail
