#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "transport/words.hpp"

namespace mpx::detail {

/// The words of all ranks of a MemoryNetwork.
class MemoryWordSpace {
 public:
  explicit MemoryWordSpace(int ranks, std::uint32_t words_per_rank = 1024);

  [[nodiscard]] int ranks() const { return ranks_; }
  [[nodiscard]] std::uint32_t words_per_rank() const { return words_per_rank_; }
  /// The word itself. Throws UsageError if there is none of that name.
  [[nodiscard]] std::uint64_t& at(WordRef word);

 private:
  int ranks_;
  std::uint32_t words_per_rank_;
  std::vector<std::uint64_t> words_;
};

/// Words in the memory of one process: the twin, for tests, of all that carries words between ranks.
class MemoryWords final : public Words {
 public:
  /// `reach`: by rank, whether its words are reached; empty: all are.
  MemoryWords(std::shared_ptr<MemoryWordSpace> space, int rank, std::vector<bool> reach = {});

  [[nodiscard]] bool reaches(int rank) const override;

 private:
  std::uint64_t work(const WordRequest& request) override {
    return detail::perform(request, space_->at(request.word));
  }

  std::shared_ptr<MemoryWordSpace> space_;
  std::vector<bool> reach_;
};

}  // namespace mpx::detail
