#pragma once

#include <mpi.h>

#include <cstdint>
#include <vector>

#include "transport/places.hpp"
#include "transport/words.hpp"

namespace mpx::detail {

/// Words in an MPI window over all ranks, or over those of one node, locked once for its whole life.
///
/// The window of a node is a shared one, which always gets Open MPI's osc/sm: 0.03 µs an operation,
/// and safe whatever the user's settings. One between nodes relies on the `osc` setting made by
/// MpiLibrary. Every access is an atomic of MPI, the home's own too: osc/sm guards each target with
/// a lock of its own, which other atomics would not respect.
///
/// Cost:          64 bytes of window memory a word, and of real memory a word that was ever used;
///                an operation is one RMA atomic and a flush, no message.
class WindowWords final : public Words {
 public:
  /// Which ranks share the window: those of this node, or all.
  enum class Over { node, all };

  /// Collective over `communicator`, whose places these are. Throws on every rank: LaunchError if a
  /// node lacks shared memory, TransportError if the window can't be made.
  WindowWords(MPI_Comm communicator, const Places& places, Over over, std::uint32_t capacity);
  /// Collective.
  ~WindowWords() override;

  [[nodiscard]] bool reaches(int rank) const override {
    return rank >= 0 && static_cast<std::size_t>(rank) < targets_.size() &&
           targets_[static_cast<std::size_t>(rank)] >= 0;
  }
  std::uint64_t load(WordRef word) override;
  std::uint64_t exchange(WordRef word, std::uint64_t value) override;
  std::uint64_t fetch_add(WordRef word, std::uint64_t value) override;
  std::uint64_t compare_exchange(WordRef word, std::uint64_t expected,
                                 std::uint64_t desired) override;

 private:
  std::uint64_t fetch(WordRef word, std::uint64_t operand, MPI_Op operation);

  /// The word's rank in the window's group.
  [[nodiscard]] int target(WordRef word) const {
    require(word);
    return targets_[static_cast<std::size_t>(word.home)];
  }

  std::vector<int> targets_;  // by rank; −1: not in the window
  MPI_Win window_ = MPI_WIN_NULL;
};

}  // namespace mpx::detail
