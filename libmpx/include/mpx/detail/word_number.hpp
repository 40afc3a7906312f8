#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace mpx::detail {

/// The numbers of at most 8 bytes that a word can hold: what adding to it means. Integers, signed or
/// not, wrap around.
enum class WordNumber : std::uint64_t { u64, u32, u16, u8, boolean, f64, f32 };

template <class T>
constexpr bool is_word_number = std::is_arithmetic_v<T> && sizeof(T) <= sizeof(std::uint64_t);

template <class T>
constexpr WordNumber word_number() {
  static_assert(is_word_number<T>);
  if constexpr (std::is_same_v<T, bool>)
    return WordNumber::boolean;
  else if constexpr (std::is_floating_point_v<T>)
    return sizeof(T) == sizeof(double) ? WordNumber::f64 : WordNumber::f32;
  else
    return sizeof(T) == 8   ? WordNumber::u64
           : sizeof(T) == 4 ? WordNumber::u32
           : sizeof(T) == 2 ? WordNumber::u16
                            : WordNumber::u8;
}

}  // namespace mpx::detail
