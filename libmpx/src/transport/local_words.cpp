#include "transport/local_words.hpp"

#include <utility>

namespace mpx::detail {
namespace {

SharedWords share(int rank, std::uint32_t capacity) {
  WordLayout layout;
  layout.ranks = {rank};
  layout.capacity = capacity;
  layout.stride = std::uint64_t{capacity} * kWordBytes;
  auto memory = make_word_memory(layout);
  return {std::move(memory), std::move(layout)};
}

}  // namespace

LocalWords::LocalWords(int rank, std::uint32_t capacity)
    : Words(rank, capacity), shared_(share(rank, capacity)), mapped_(shared_) {}

std::uint64_t LocalWords::load(WordRef word) { return std::atomic_ref(at(word)).load(); }

std::uint64_t LocalWords::exchange(WordRef word, std::uint64_t value) {
  return std::atomic_ref(at(word)).exchange(value);
}

std::uint64_t LocalWords::fetch_add(WordRef word, std::uint64_t value) {
  return std::atomic_ref(at(word)).fetch_add(value);
}

std::uint64_t LocalWords::compare_exchange(WordRef word, std::uint64_t expected,
                                           std::uint64_t desired) {
  std::atomic_ref(at(word)).compare_exchange_strong(expected, desired);
  return expected;
}

}  // namespace mpx::detail
