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

}  // namespace mpx::detail
