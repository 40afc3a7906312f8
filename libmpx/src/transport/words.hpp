#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "transport/slots.hpp"
#include "wire/word_map.hpp"

namespace mpx::detail {

/// Atomic 64-bit words of all ranks, as far as this rank can work on them itself; the others' it
/// asks for by message (WordAccess).
///
/// Ordering:      operations on one word are totally ordered; an operation is complete, at the
///                home, when it returns.
/// Thread safety: none; the runtime calls it under its mutex.
/// Failure:       UsageError for a word that is out of reach, or that no rank has.
class Words {
 public:
  /// This rank, and how many words it has.
  Words(int rank, std::uint32_t capacity) : rank_(rank), slots_(capacity) {}
  Words(const Words&) = delete;
  Words& operator=(const Words&) = delete;
  virtual ~Words() = default;

  /// Takes a free word of this rank, set to `initial`; nothing if all are taken.
  std::optional<WordRef> allocate(std::uint64_t initial);
  /// Gives back a word of this rank. Throws UsageError if it is none, or not in use.
  void release(WordRef word);
  /// Words of this rank that are in use, and that exist.
  [[nodiscard]] std::uint32_t used() const { return slots_.used(); }
  [[nodiscard]] std::uint32_t capacity() const { return slots_.capacity(); }

  /// What carries them between ranks and why, for a person to read.
  [[nodiscard]] const std::string& carrier() const { return carrier_; }
  void set_carrier(std::string text) { carrier_ = std::move(text); }

  /// Those that processes of this rank may work on as well, if they lie in memory that can be shared:
  /// by perform() on what is there, as this class does. Null if there are none.
  [[nodiscard]] virtual const SharedWords* shared() const { return nullptr; }

  /// Whether this rank can work on the words of `rank` itself; always on its own.
  [[nodiscard]] virtual bool reaches(int rank) const = 0;

  /// Performs an operation, for this rank or for one that does not reach the word; returns what the word
  /// was. Throws UsageError as well if there is no such operation.
  std::uint64_t perform(const WordRequest& request) {
    require(request.word);
    if (request.operation > WordRequest::Operation::compare_exchange) [[unlikely]]
      refuse(request.operation);
    return work(request);
  }
  std::uint64_t load(WordRef word) { return perform({.word = word}); }
  std::uint64_t exchange(WordRef word, std::uint64_t value) {
    return perform({word, WordRequest::Operation::exchange, value});
  }
  std::uint64_t fetch_add(WordRef word, std::uint64_t value) {
    return perform({word, WordRequest::Operation::add, value});
  }
  /// Sets the word to `desired` if it is `expected`; returns what it was.
  std::uint64_t compare_exchange(WordRef word, std::uint64_t expected, std::uint64_t desired) {
    return perform({word, WordRequest::Operation::compare_exchange, desired, expected});
  }

 protected:
  [[nodiscard]] int rank() const { return rank_; }
  /// Performs an operation that there is on a word that this rank reaches.
  virtual std::uint64_t work(const WordRequest& request) = 0;

 private:
  /// Throws UsageError unless this rank reaches the word and there may be one of that name.
  void require(WordRef word) const {
    if (word.slot >= slots_.capacity() || !reaches(word.home)) [[unlikely]]
      refuse(word);
  }
  [[noreturn]] void refuse(WordRef word) const;
  [[noreturn]] static void refuse(WordRequest::Operation operation);

  std::int32_t rank_;
  Slots slots_;
  std::string carrier_;
};

}  // namespace mpx::detail
