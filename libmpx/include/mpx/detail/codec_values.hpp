#pragma once

#include <array>
#include <bit>
#include <bitset>
#include <chrono>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "mpx/detail/codec.hpp"
#include "mpx/detail/codec_containers.hpp"

namespace mpx::detail {

[[noreturn]] void throw_bad_tag(const char* what, std::uint64_t tag);
[[noreturn]] void throw_valueless();

template <class T>
concept PlainNumber = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;
template <class T>
concept PlainEnum = std::is_enum_v<T> && !std::is_same_v<std::underlying_type_t<T>, bool>;

template <PlainNumber T>
inline constexpr bool plain<T> = true;
template <PlainEnum T>
inline constexpr bool plain<T> = true;
template <class T>
inline constexpr bool plain<std::complex<T>> = plain<T>;
/// Days, months and years as a calendar has them; any bytes are a value, if not a date.
template <class T>
concept CalendarPart = std::is_same_v<T, std::chrono::day> ||
    std::is_same_v<T, std::chrono::month> || std::is_same_v<T, std::chrono::year> ||
    std::is_same_v<T, std::chrono::weekday> || std::is_same_v<T, std::chrono::weekday_indexed> ||
    std::is_same_v<T, std::chrono::weekday_last> || std::is_same_v<T, std::chrono::month_day> ||
    std::is_same_v<T, std::chrono::month_day_last> ||
    std::is_same_v<T, std::chrono::month_weekday> ||
    std::is_same_v<T, std::chrono::month_weekday_last> ||
    std::is_same_v<T, std::chrono::year_month> || std::is_same_v<T, std::chrono::year_month_day> ||
    std::is_same_v<T, std::chrono::year_month_day_last> ||
    std::is_same_v<T, std::chrono::year_month_weekday> ||
    std::is_same_v<T, std::chrono::year_month_weekday_last>;

template <CalendarPart T>
inline constexpr bool plain<T> = std::default_initializable<T>;
template <class Rep, class Period>
inline constexpr bool plain<std::chrono::duration<Rep, Period>> = plain<Rep>;
template <class Clock, class D>
inline constexpr bool plain<std::chrono::time_point<Clock, D>> = plain<D>;

/// Values that are their bytes.
template <class T>
struct BytesCodec {
  using Parts = TypeList<>;
  static constexpr std::size_t min_bytes = sizeof(T);
  static void write(Writer& writer, const T& value) { writer.raw(&value, sizeof value); }
  static void read_into(Reader& reader, T& value) { reader.raw(&value, sizeof value); }
};

template <PlainNumber T>
struct Codec<T> : BytesCodec<T> {};
template <PlainEnum T>
struct Codec<T> : BytesCodec<T> {};

template <>
struct Codec<bool> {
  using Parts = TypeList<>;
  static constexpr std::size_t min_bytes = 1;
  static void write(Writer& writer, bool value) { writer.number<std::uint8_t>(value ? 1 : 0); }
  static bool make(Reader& reader) {
    const auto byte = reader.number<std::uint8_t>();
    if (byte > 1) throw_bad_tag("a bool", byte);
    return byte == 1;
  }
};

template <class T>
requires(std::is_enum_v<T> && !PlainEnum<T>) struct Codec<T> {
  using Parts = TypeList<>;
  static constexpr std::size_t min_bytes = 1;
  static void write(Writer& writer, T value) {
    Codec<bool>::write(writer, static_cast<bool>(value));
  }
  static T make(Reader& reader) { return static_cast<T>(Codec<bool>::make(reader)); }
};

template <class T>
struct Codec<std::complex<T>> {
  using Parts = TypeList<T>;
  static constexpr std::size_t min_bytes = 2 * detail::min_bytes<T>();
  static void write(Writer& writer, const std::complex<T>& value) {
    write_part<T>(writer, value.real());
    write_part<T>(writer, value.imag());
  }
  static std::complex<T> make(Reader& reader) {
    const T real = make_part<T>(reader);
    return {real, make_part<T>(reader)};
  }
};

template <class Rep, class Period>
struct Codec<std::chrono::duration<Rep, Period>> {
  using T = std::chrono::duration<Rep, Period>;
  using Parts = TypeList<Rep>;
  static constexpr std::size_t min_bytes = detail::min_bytes<Rep>();
  static void write(Writer& writer, const T& value) { write_part<Rep>(writer, value.count()); }
  static T make(Reader& reader) { return T(make_part<Rep>(reader)); }
};

template <class Clock, class D>
struct Codec<std::chrono::time_point<Clock, D>> {
  using T = std::chrono::time_point<Clock, D>;
  using Parts = TypeList<D>;
  static constexpr std::size_t min_bytes = detail::min_bytes<D>();
  static void write(Writer& writer, const T& value) {
    write_part<D>(writer, value.time_since_epoch());
  }
  static T make(Reader& reader) { return T(make_part<D>(reader)); }
};

template <CalendarPart T>
struct Codec<T> : BytesCodec<T> {
  /// Some have no default.
  static T make(Reader& reader) {
    std::array<std::byte, sizeof(T)> bytes;
    reader.raw(bytes.data(), bytes.size());
    return std::bit_cast<T>(bytes);
  }
};

template <class D>
struct Codec<std::chrono::hh_mm_ss<D>> {
  using T = std::chrono::hh_mm_ss<D>;
  using Parts = TypeList<typename T::precision>;
  static constexpr std::size_t min_bytes = detail::min_bytes<typename T::precision>();
  static void write(Writer& writer, const T& value) { write_part(writer, value.to_duration()); }
  static T make(Reader& reader) { return T(make_part<typename T::precision>(reader)); }
};

/// Types with a single value: nothing is written.
template <class T, T value>
struct UnitCodec {
  using Parts = TypeList<>;
  static constexpr std::size_t min_bytes = 0;
  static void write(Writer&, const T&) {}
  static T make(Reader&) { return value; }
};
template <>
struct Codec<std::monostate> : UnitCodec<std::monostate, std::monostate{}> {};

template <>
struct Codec<std::nullptr_t> : UnitCodec<std::nullptr_t, nullptr> {};
template <>
struct Codec<std::chrono::last_spec> : UnitCodec<std::chrono::last_spec, std::chrono::last> {};

template <>
struct Codec<std::nullopt_t> {
  using Parts = TypeList<>;
  static constexpr std::size_t min_bytes = 0;
  static void write(Writer&, const std::nullopt_t&) {}
  static std::nullopt_t make(Reader&) { return std::nullopt; }
};

template <class A, class B>
struct Codec<std::pair<A, B>> {
  using Pair = std::pair<A, B>;
  using Parts = TypeList<A, B>;
  static constexpr std::size_t min_bytes =
      detail::min_bytes<std::remove_cv_t<A>>() + detail::min_bytes<std::remove_cv_t<B>>();
  static void write(Writer& writer, const Pair& value) {
    write_part<std::remove_cv_t<A>>(writer, value.first);
    write_part<std::remove_cv_t<B>>(writer, value.second);
  }
  static void read_into(Reader& reader, Pair& value) requires(!std::is_const_v<A> &&
                                                              !std::is_const_v<B> &&
                                                              std::default_initializable<Pair>) {
    read_part(reader, value.first);
    read_part(reader, value.second);
  }
  static Pair make(Reader& reader) requires(std::is_const_v<A> || std::is_const_v<B> ||
                                            !std::default_initializable<Pair>) {
    return Pair{make_part<std::remove_cv_t<A>>(reader), make_part<std::remove_cv_t<B>>(reader)};
  }
};

template <class... Ts>
struct Codec<std::tuple<Ts...>> {
  using Tuple = std::tuple<Ts...>;
  using Parts = TypeList<Ts...>;
  static constexpr std::size_t min_bytes = (std::size_t{0} + ... + detail::min_bytes<Ts>());
  static void write(Writer& writer, const Tuple& value) {
    std::apply([&](const Ts&... parts) { (write_part<Ts>(writer, parts), ...); }, value);
  }
  static void read_into(Reader& reader, Tuple& value) requires std::default_initializable<Tuple> {
    std::apply([&](Ts&... parts) { (read_part(reader, parts), ...); }, value);
  }
  static Tuple make(Reader& reader) requires(!std::default_initializable<Tuple>) {
    return Tuple{make_part<Ts>(reader)...};
  }
};

template <class T>
struct Codec<std::optional<T>> {
  using Parts = TypeList<T>;
  static constexpr std::size_t min_bytes = 1;
  static void write(Writer& writer, const std::optional<T>& value) {
    Codec<bool>::write(writer, value.has_value());
    if (value) write_part<T>(writer, *value);
  }
  static void read_into(Reader& reader, std::optional<T>& value) {
    value.reset();
    if (!Codec<bool>::make(reader)) return;
    if constexpr (std::default_initializable<T>) {
      read_part(reader, value.emplace());
    } else {
      value.emplace(make_part<T>(reader));
    }
  }
};

template <class... Ts>
struct Codec<std::variant<Ts...>> {
  using Variant = std::variant<Ts...>;
  using Parts = TypeList<Ts...>;
  static constexpr std::size_t min_bytes = 1;

  static void write(Writer& writer, const Variant& value) {
    static_assert(sizeof...(Ts) <= 255, "mpx: a variant of more than 255 types cannot travel");
    if (value.valueless_by_exception()) throw_valueless();
    writer.number(static_cast<std::uint8_t>(value.index()));
    std::visit([&]<class T>(const T& held) { write_part<T>(writer, held); }, value);
  }
  static Variant make(Reader& reader) {
    const auto index = reader.number<std::uint8_t>();
    if (index >= sizeof...(Ts)) throw_bad_tag("the alternative of a variant", index);
    return make_at(reader, index, std::make_index_sequence<sizeof...(Ts)>{});
  }

 private:
  template <std::size_t I>
  static Variant make_one(Reader& reader) {
    return Variant(std::in_place_index<I>,
                   make_part<std::variant_alternative_t<I, Variant>>(reader));
  }
  template <std::size_t... I>
  static Variant make_at(Reader& reader, std::size_t index, std::index_sequence<I...>) {
    constexpr Variant (*makers[])(Reader&) = {&make_one<I>...};
    return makers[index](reader);
  }
};

template <>
struct Codec<std::filesystem::path> {
  using Parts = TypeList<>;
  static constexpr std::size_t min_bytes = sizeof(std::uint64_t);
  static void write(Writer& writer, const std::filesystem::path& value) {
    write_part(writer, value.native());
  }
  static std::filesystem::path make(Reader& reader) { return make_part<std::string>(reader); }
};

template <std::size_t N>
struct Codec<std::bitset<N>> {
  using Parts = TypeList<>;
  static constexpr std::size_t min_bytes = (N + 7) / 8;
  static void write(Writer& writer, const std::bitset<N>& value) {
    auto* bytes = writer.extend(min_bytes);
    std::fill_n(bytes, min_bytes, std::byte{0});
    for (std::size_t i = 0; i < N; ++i) {
      if (value[i]) bytes[i / 8] |= std::byte{1} << (i % 8);
    }
  }
  static void read_into(Reader& reader, std::bitset<N>& value) {
    const auto bytes = reader.take(min_bytes);
    for (std::size_t i = 0; i < N; ++i) {
      value[i] = (bytes[i / 8] >> (i % 8) & std::byte{1}) != std::byte{0};
    }
  }
};

}  // namespace mpx::detail
