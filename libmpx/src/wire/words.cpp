#include "wire/words.hpp"

#include <cstring>

namespace mpx::detail {
namespace {

/// Of the first bytes of a word, which hold a T; the others stay.
template <class T, class By = T>
std::uint64_t sum_as(std::uint64_t word, std::uint64_t value) {
  T a{}, b{};
  std::memcpy(&a, &word, sizeof a);
  std::memcpy(&b, &value, sizeof b);
  const auto both = static_cast<T>(static_cast<By>(a) + static_cast<By>(b));
  std::memcpy(&word, &both, sizeof both);
  return word;
}

}  // namespace

std::uint64_t sum(WordNumber number, std::uint64_t word, std::uint64_t value) {
  switch (number) {
    case WordNumber::u64:
      break;
    case WordNumber::u32:
      return sum_as<std::uint32_t>(word, value);
    case WordNumber::u16:
      return sum_as<std::uint16_t, unsigned>(word, value);
    case WordNumber::u8:
      return sum_as<std::uint8_t, unsigned>(word, value);
    case WordNumber::boolean:
      return word | value;  // 0 and 1
    case WordNumber::f64:
      return sum_as<double>(word, value);
    case WordNumber::f32:
      return sum_as<float>(word, value);
  }
  return word + value;
}

}  // namespace mpx::detail
