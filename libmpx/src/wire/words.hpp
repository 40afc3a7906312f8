#pragma once

#include <cstdint>

namespace mpx::detail {

/// Names one atomic 64-bit word: the rank in whose part of the window it lies, and its slot there.
struct WordRef {
  std::int32_t home = -1;
  std::uint32_t slot = 0;
};

/// One operation on a word as a value, for those who do not reach it: its home, or a rank that does,
/// performs it.
struct WordRequest {
  enum class Operation : std::uint64_t { load, exchange, add, compare_exchange };

  WordRef word;
  Operation operation = Operation::load;
  std::uint64_t value = 0;     ///< to set or to add
  std::uint64_t expected = 0;  ///< by compare_exchange
  /// If it succeeds, the process that asks holds so many permits more of the semaphore which the
  /// frame names.
  std::int64_t permits = 0;
};

}  // namespace mpx::detail
