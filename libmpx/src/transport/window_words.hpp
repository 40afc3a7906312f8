#pragma once

#include <mpi.h>

#include <cstdint>
#include <vector>

#include "transport/places.hpp"
#include "transport/words.hpp"

namespace mpx::detail {

/// Words in an MPI window over all ranks, or over those of one node, locked once for its whole life.
///
/// The window of a node is a shared one, and all its ranks work on the words in it by the processor's
/// atomics: 0.02 µs an operation, whatever the user's settings of Open MPI. MPI allows that for a
/// shared window in the unified memory model (MPI 4.0, 12.4), which is checked; and for that all must
/// do it, since MPI's own operations on it are guarded by a lock of its own. The window's pages are
/// replaced by those of a memfd, which processes that are no ranks map as well. A window between
/// nodes is worked on by MPI's atomics alone, the home included, and relies on the `osc` setting made
/// by MpiLibrary.
///
/// Cost:          64 bytes of window memory a word, and of real memory a word that was ever used;
///                an operation is one atomic, or one RMA atomic and a flush, no message.
class WindowWords final : public Words {
 public:
  /// Which ranks share the window: those of this node, or all.
  enum class Over { node, all };

  /// Collective over `communicator`, whose places these are. Throws on every rank: LaunchError if a
  /// node lacks shared memory, TransportError if the window can't be made.
  WindowWords(MPI_Comm communicator, const Places& places, Over over, std::uint32_t capacity);
  /// Collective.
  ~WindowWords() override;

  /// Null where the ranks of the node cannot open each other's memory (containers of their own).
  [[nodiscard]] const SharedWords* shared() const override {
    return shared_.memory ? &shared_ : nullptr;
  }
  [[nodiscard]] bool reaches(int rank) const override {
    return rank >= 0 && static_cast<std::size_t>(rank) < targets_.size() &&
           targets_[static_cast<std::size_t>(rank)] >= 0;
  }

 private:
  std::uint64_t work(const WordRequest& request) override {
    if (auto* const place = map_.at(request.word)) return detail::perform(request, *place);
    return work_by_mpi(request);
  }
  std::uint64_t work_by_mpi(const WordRequest& request);
  std::uint64_t add(const WordRequest& request);
  std::uint64_t fetch(WordRef word, std::uint64_t operand, MPI_Op operation);
  std::uint64_t swap(WordRef word, std::uint64_t expected, std::uint64_t desired);

  /// The word's rank in the window's group.
  [[nodiscard]] int target(WordRef word) const {
    return targets_[static_cast<std::size_t>(word.home)];
  }

  void find_in_memory(const Places& places, WordLayout layout);
  void share_pages(MPI_Comm node, const WordLayout& layout, std::byte* words, bool fits);

  std::vector<int> targets_;  // by rank; −1: not in the window
  MPI_Win window_ = MPI_WIN_NULL;
  WordMap map_;  // if the window is a shared one
  SharedWords shared_;
  std::byte* pages_ = nullptr;  // of the window, that are the memfd's
};

}  // namespace mpx::detail
