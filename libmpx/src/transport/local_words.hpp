#pragma once

#include "transport/words.hpp"

namespace mpx::detail {

/// Words that only their own rank reaches, and its processes, in their memory: where there is no
/// one-sided communication, others send it their requests.
class LocalWords final : public Words {
 public:
  /// Throws LaunchError if no memory can be shared with processes.
  LocalWords(int rank, std::uint32_t capacity);

  [[nodiscard]] bool reaches(int rank) const override { return rank == this->rank(); }
  [[nodiscard]] const SharedWords* shared() const override { return &shared_; }
  std::uint64_t load(WordRef word) override;
  std::uint64_t exchange(WordRef word, std::uint64_t value) override;
  std::uint64_t fetch_add(WordRef word, std::uint64_t value) override;
  std::uint64_t compare_exchange(WordRef word, std::uint64_t expected,
                                 std::uint64_t desired) override;

 private:
  std::uint64_t& at(WordRef word) {
    require(word);
    return *mapped_.map().at(word);
  }

  SharedWords shared_;
  MappedWords mapped_;
};

}  // namespace mpx::detail
