#pragma once

#include <chrono>
#include <limits>
#include <ratio>
#include <type_traits>

namespace mpx {

/// A length of time; every std::chrono::duration converts to it, and one too long for it saturates.
///
/// Resolution is a nanosecond, the range about ±292 years. Zero and negative mean "one try".
class Duration {
 public:
  constexpr Duration() = default;

  template <class Rep, class Period>
  constexpr Duration(
      std::chrono::duration<Rep, Period> length)  // NOLINT(google-explicit-constructor)
      : length_(saturate(length)) {}

  /// Refused: a length of time has a unit.
  template <class Number>
  requires std::is_arithmetic_v<Number>
  constexpr Duration(Number /*length*/) {  // NOLINT(google-explicit-constructor)
    static_assert(std::is_void_v<Number>,
                  "mpx: a length of time has a unit: std::chrono::seconds(n), or 100ms with "
                  "std::chrono_literals");
  }

  /// The same length as a chrono duration.
  [[nodiscard]] constexpr std::chrono::nanoseconds nanoseconds() const { return length_; }

  friend constexpr auto operator<=>(Duration, Duration) = default;

 private:
  template <class Rep, class Period>
  static constexpr std::chrono::nanoseconds saturate(std::chrono::duration<Rep, Period> length) {
    using Wide = std::chrono::duration<long double, std::nano>;
    constexpr auto top = std::chrono::nanoseconds::max();
    const auto wide = std::chrono::duration_cast<Wide>(length);
    if (wide >= Wide(top)) return top;
    if (wide <= -Wide(top)) return -top;
    return std::chrono::duration_cast<std::chrono::nanoseconds>(length);
  }

  std::chrono::nanoseconds length_{0};
};

}  // namespace mpx
