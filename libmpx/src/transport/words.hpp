#pragma once

#include <cstdint>
#include <optional>

namespace mpx::detail {

/// Names one atomic 64-bit word: the rank in whose part of the window it lies, and its slot there.
struct WordRef {
  std::int32_t home = -1;
  std::uint32_t slot = 0;
};

/// Atomic 64-bit words that every rank can reach, 64 bytes apart: MPI one-sided, or memory for
/// tests.
///
/// Ordering:      operations on one word are totally ordered; an operation is complete, at the
///                home, when it returns.
/// Thread safety: none; the runtime calls it under its mutex.
/// Cost:          one RMA atomic and a flush each; no message.
class Words {
 public:
  Words() = default;
  Words(const Words&) = delete;
  Words& operator=(const Words&) = delete;
  virtual ~Words() = default;

  /// Takes a free word of this rank, set to `initial`; nothing if all are taken.
  virtual std::optional<WordRef> allocate(std::uint64_t initial) = 0;
  /// Gives back a word of this rank.
  virtual void release(WordRef word) = 0;
  /// Words of this rank that are in use, and that exist.
  [[nodiscard]] virtual std::uint32_t used() const = 0;
  [[nodiscard]] virtual std::uint32_t capacity() const = 0;

  virtual std::uint64_t load(WordRef word) = 0;
  virtual std::uint64_t exchange(WordRef word, std::uint64_t value) = 0;
  virtual std::uint64_t fetch_add(WordRef word, std::uint64_t value) = 0;
  virtual std::uint64_t fetch_or(WordRef word, std::uint64_t bits) = 0;
  /// Sets the word to `desired` if it is `expected`; returns what it was.
  virtual std::uint64_t compare_exchange(WordRef word, std::uint64_t expected,
                                         std::uint64_t desired) = 0;
};

}  // namespace mpx::detail
