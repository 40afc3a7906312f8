#include "transport/memory_words.hpp"

#include <string>
#include <utility>

#include "mpx/error.hpp"

namespace mpx::detail {

MemoryWordSpace::MemoryWordSpace(int ranks, std::uint32_t words_per_rank)
    : ranks_(ranks),
      words_per_rank_(words_per_rank),
      words_(static_cast<std::size_t>(ranks) * words_per_rank) {}

std::uint64_t& MemoryWordSpace::at(WordRef word) {
  if (word.home < 0 || word.home >= ranks_ || word.slot >= words_per_rank_)
    throw UsageError("no word " + std::to_string(word.slot) + " on rank " +
                     std::to_string(word.home));
  return words_[static_cast<std::size_t>(word.home) * words_per_rank_ + word.slot];
}

MemoryWords::MemoryWords(std::shared_ptr<MemoryWordSpace> space, int rank, std::vector<bool> reach)
    : Words(rank, space->words_per_rank()), space_(std::move(space)), reach_(std::move(reach)) {
  reach_.resize(static_cast<std::size_t>(space_->ranks()), reach_.empty());
  reach_[static_cast<std::size_t>(rank)] = true;
}

bool MemoryWords::reaches(int rank) const {
  return rank >= 0 && rank < space_->ranks() && reach_[static_cast<std::size_t>(rank)];
}

}  // namespace mpx::detail
