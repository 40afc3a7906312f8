#pragma once

#include <cstdint>
#include <vector>

#include "transport/words.hpp"

namespace mpx::detail {

/// Words that only their own rank reaches, in its memory: where there is no one-sided communication,
/// others send it their requests.
class LocalWords final : public Words {
 public:
  LocalWords(int rank, std::uint32_t capacity) : Words(rank, capacity) {}

  [[nodiscard]] bool reaches(int rank) const override { return rank == this->rank(); }
  std::uint64_t load(WordRef word) override;
  std::uint64_t exchange(WordRef word, std::uint64_t value) override;
  std::uint64_t fetch_add(WordRef word, std::uint64_t value) override;
  std::uint64_t compare_exchange(WordRef word, std::uint64_t expected,
                                 std::uint64_t desired) override;

 private:
  std::uint64_t& at(WordRef word);

  std::vector<std::uint64_t> words_;  // plain: all operations are under the runtime's mutex
};

}  // namespace mpx::detail
