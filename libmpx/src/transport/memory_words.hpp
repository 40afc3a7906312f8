#pragma once

#include <atomic>
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
  [[nodiscard]] std::atomic<std::uint64_t>& at(WordRef word);

 private:
  int ranks_;
  std::uint32_t words_per_rank_;
  std::vector<std::atomic<std::uint64_t>> words_;
};

/// Words in the memory of one process: the twin, for tests, of all that carries words between ranks.
class MemoryWords final : public Words {
 public:
  /// `reach`: by rank, whether its words are reached; empty: all are.
  MemoryWords(std::shared_ptr<MemoryWordSpace> space, int rank, std::vector<bool> reach = {});

  [[nodiscard]] bool reaches(int rank) const override;
  std::uint64_t load(WordRef word) override;
  std::uint64_t exchange(WordRef word, std::uint64_t value) override;
  std::uint64_t fetch_add(WordRef word, std::uint64_t value) override;
  std::uint64_t compare_exchange(WordRef word, std::uint64_t expected,
                                 std::uint64_t desired) override;

 private:
  std::atomic<std::uint64_t>& at(WordRef word) {
    require(word);
    return space_->at(word);
  }

  std::shared_ptr<MemoryWordSpace> space_;
  std::vector<bool> reach_;
};

}  // namespace mpx::detail
