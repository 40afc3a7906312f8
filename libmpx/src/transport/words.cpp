#include "transport/words.hpp"

#include <string>

#include "mpx/error.hpp"

namespace mpx::detail {

std::optional<WordRef> Words::allocate(std::uint64_t initial) {
  const auto slot = slots_.take();
  if (!slot) return std::nullopt;
  const WordRef word{rank_, *slot};
  exchange(word, initial);
  return word;
}

void Words::release(WordRef word) {
  if (word.home != rank_)
    throw UsageError("releasing a word of rank " + std::to_string(word.home) + " on rank " +
                     std::to_string(rank_));
  slots_.give_back(word.slot);
}

void Words::refuse(WordRef word) const {
  const auto name = "word " + std::to_string(word.slot) + " of rank " + std::to_string(word.home);
  if (word.slot >= slots_.capacity())
    throw UsageError("there is no " + name + ", where each rank has " +
                     std::to_string(slots_.capacity()));
  throw UsageError("rank " + std::to_string(rank_) + " does not reach " + name);
}

void Words::refuse(WordRequest::Operation operation) {
  throw UsageError("no operation on words has the number " +
                   std::to_string(static_cast<std::uint64_t>(operation)));
}

}  // namespace mpx::detail
