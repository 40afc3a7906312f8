#pragma once

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include "core/unique_fd.hpp"
#include "wire/words.hpp"

namespace mpx::detail {

/// Which words a piece of memory holds: those of some ranks, each rank's behind the one's before.
struct WordLayout {
  std::vector<std::int32_t> ranks;
  std::uint32_t capacity = 0;  ///< words of each rank
  std::uint64_t stride = 0;    ///< bytes from a rank's first word to the next rank's

  auto fields() { return std::tie(ranks, capacity, stride); }
  [[nodiscard]] std::size_t bytes() const { return ranks.size() * stride; }
};

/// Where in this process the words of some ranks are.
class WordMap {
 public:
  WordMap() = default;
  WordMap(void* memory, const WordLayout& layout);

  /// Null where the word is not among them.
  [[nodiscard]] std::uint64_t* at(WordRef word) const {
    const auto rank = static_cast<std::size_t>(word.home);  // none: beyond all
    if (rank >= first_.size() || first_[rank] == nullptr || word.slot >= capacity_) return nullptr;
    return first_[rank] + word.slot * (kWordBytes / sizeof(std::uint64_t));
  }

 private:
  std::vector<std::uint64_t*> first_;  // by rank
  std::uint32_t capacity_ = 0;
};

/// Words in memory that processes of the node can map: what a rank gives its fork server.
struct SharedWords {
  UniqueFd memory;
  WordLayout layout;
};

/// Words as a process that is no rank has them: those in memory that its rank shares with it.
class MappedWords {
 public:
  /// Throws TransportError if the memory cannot be mapped, or is smaller than it should be.
  explicit MappedWords(const SharedWords& shared);
  ~MappedWords();
  MappedWords(const MappedWords&) = delete;
  MappedWords& operator=(const MappedWords&) = delete;

  [[nodiscard]] const WordMap& map() const { return map_; }

 private:
  void* memory_;
  std::size_t bytes_;
  WordMap map_;
};

/// Zeroed memory for the words of a layout, in pages that are real only once they are used. Throws
/// LaunchError if there is no descriptor left.
UniqueFd make_word_memory(const WordLayout& layout);
/// A mapping of its first `bytes`. Throws TransportError.
void* map_word_memory(int memory, std::size_t bytes);

}  // namespace mpx::detail
