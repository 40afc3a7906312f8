#pragma once

#include <cstdint>
#include <optional>

#include "mpx/detail/ids.hpp"

namespace mpx::detail {

/// Set while somebody waits at the word's home: who gives back must ask there.
inline constexpr std::uint64_t kContended = std::uint64_t{1} << 63;

/// Layouts of the words that processes wait for. taken(): what the word becomes when it is had
/// without waiting, nothing if it cannot be. Users and homes change a word by these only, so that
/// both mean the same.

/// 0 is free; else the owner's process id + 1 and two marks.
struct LockWord {
  static constexpr std::uint64_t kContended = detail::kContended;
  static constexpr std::uint64_t kAbandoned = std::uint64_t{1} << 62;  // a holder died
  static constexpr std::uint64_t owned_by(ProcessId who) { return who.value() + 1; }
  static constexpr std::uint64_t owner(std::uint64_t word) {
    return word & ~(kContended | kAbandoned);
  }
  static constexpr ProcessId owner_of(std::uint64_t owner) {
    return ProcessId::from_value(owner - 1);
  }
  static constexpr std::optional<std::uint64_t> taken(std::uint64_t word, ProcessId who) {
    if (owner(word) != 0) return std::nullopt;
    return word | owned_by(who);
  }
};

/// How many permits there are.
struct SemaphoreWord {
  static constexpr std::uint64_t kMost = std::uint64_t{1} << 60;
  static constexpr std::uint64_t count(std::uint64_t word) { return word & ~kContended; }
  static constexpr std::optional<std::uint64_t> taken(std::uint64_t word) {
    if (count(word) == 0) return std::nullopt;
    return word - 1;
  }
  /// Nothing if there would be more than `most`.
  static constexpr std::optional<std::uint64_t> given(std::uint64_t word, std::uint64_t n,
                                                      std::uint64_t most) {
    if (n > most || count(word) > most - n) return std::nullopt;
    return word + n;
  }
};

/// Whether it is set.
struct EventWord {
  static constexpr std::uint64_t kSet = 1;
  static constexpr std::optional<std::uint64_t> taken(std::uint64_t word) {
    if ((word & kSet) == 0) return std::nullopt;
    return word;
  }
};

}  // namespace mpx::detail
