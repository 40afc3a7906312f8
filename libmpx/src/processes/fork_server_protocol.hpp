#pragma once

#include <cstddef>
#include <cstdint>

namespace mpx::detail {

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
