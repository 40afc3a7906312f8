#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "mpx/detail/word_number.hpp"

namespace mpx::detail {

/// Names one atomic 64-bit word: the rank in whose part of the window it lies, and its slot there.
struct WordRef {
  std::int32_t home = -1;
  std::uint32_t slot = 0;
};

/// A cache line each, so that neighbours do not disturb each other.
inline constexpr std::size_t kWordBytes = 64;

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
  WordNumber number = WordNumber::u64;  ///< what is added, and to what
};

/// What a word is after the addition.
std::uint64_t sum(WordNumber number, std::uint64_t word, std::uint64_t value);

/// Performs it on the word in memory, atomically for all who do so; returns what the word was.
inline std::uint64_t perform(const WordRequest& request, std::uint64_t& place) {
  const std::atomic_ref word(place);
  auto was = request.operation == WordRequest::Operation::add ? word.load() : request.expected;
  switch (request.operation) {
    case WordRequest::Operation::exchange:
      return word.exchange(request.value);
    case WordRequest::Operation::add:
      if (request.number == WordNumber::u64) return word.fetch_add(request.value);
      while (!word.compare_exchange_weak(was, sum(request.number, was, request.value))) {
      }
      return was;
    case WordRequest::Operation::compare_exchange:
      word.compare_exchange_strong(was, request.value);
      return was;
    case WordRequest::Operation::load:
      break;
  }
  return word.load();
}

}  // namespace mpx::detail
