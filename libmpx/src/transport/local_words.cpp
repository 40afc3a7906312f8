#include "transport/local_words.hpp"

#include <utility>

namespace mpx::detail {

// Slots are handed out in order, so this grows one by one, as far as words were ever in use.
std::uint64_t& LocalWords::at(WordRef word) {
  require(word);
  if (word.slot >= words_.size()) words_.resize(word.slot + std::size_t{1});
  return words_[word.slot];
}

std::uint64_t LocalWords::load(WordRef word) { return at(word); }

std::uint64_t LocalWords::exchange(WordRef word, std::uint64_t value) {
  return std::exchange(at(word), value);
}

std::uint64_t LocalWords::fetch_add(WordRef word, std::uint64_t value) {
  auto& there = at(word);
  return std::exchange(there, there + value);
}

std::uint64_t LocalWords::compare_exchange(WordRef word, std::uint64_t expected,
                                           std::uint64_t desired) {
  auto& there = at(word);
  return there == expected ? std::exchange(there, desired) : there;
}

}  // namespace mpx::detail
