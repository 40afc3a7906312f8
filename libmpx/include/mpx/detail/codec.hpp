#pragma once

#include <boost/serialization/is_bitwise_serializable.hpp>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "mpx/detail/buffer.hpp"
#include "mpx/detail/own_serialize.hpp"

namespace mpx {

/// Declares that the bytes of a T mean the same in every process, so that T may be copied bytewise:
/// `template <> struct mpx::is_bitwise<T> : std::true_type {};`. T must be trivially copyable.
template <class T>
struct is_bitwise : std::bool_constant<std::is_class_v<T> && std::is_trivially_copyable_v<T> &&
                                       boost::serialization::is_bitwise_serializable<T>::value> {};

}  // namespace mpx

namespace mpx::detail {

template <class... Ts>
struct TypeList {};

/// How a type that the codec knows by itself is written. A specialisation has
///   using Parts = TypeList<…>;                     types that must be able to travel as well
///   static constexpr std::size_t min_bytes;        what every value takes at least
///   static void write(Writer&, const T&);
///   static void read_into(Reader&, T&);            and/or  static T make(Reader&);
template <class T>
struct Codec {
  using Unknown = void;
};

template <class T>
concept Native = !requires {
  typename Codec<T>::Unknown;
};

/// Handles of shared objects: they say themselves what is written.
template <class T>
concept HandleType = std::is_class_v<T> &&
    requires(const T& value, Writer& writer, Reader& reader) {
  value.mpx_save(writer);
  { T::mpx_load(reader) } -> std::same_as<T>;
};

template <class T>
concept Bitwise = is_bitwise<T>::value && !Native<T> && !HandleType<T> && !OwnSerialize<T>;

/// Types whose values are their bytes, so that a row of them is one copy. bool is none: a byte
/// other than 0 and 1 must not become one.
template <class T>
inline constexpr bool plain = Bitwise<T>;

template <class T>
consteval bool travels();

template <class... Ts>
consteval bool all_travel(TypeList<Ts...>) {
  return (travels<std::remove_cv_t<Ts>>() && ...);
}

/// Whether values of T can be sent; see also require_sendable, which says why not.
template <class T>
consteval bool travels() {
  if constexpr (Native<T>) {
    return all_travel(typename Codec<T>::Parts{});
  } else {
    return HandleType<T> || OwnSerialize<T> || Bitwise<T>;
  }
}

template <class T>
consteval std::size_t min_bytes() {
  if constexpr (Native<T>) {
    return Codec<T>::min_bytes;
  } else if constexpr (Bitwise<T>) {
    return sizeof(T);
  } else {
    return 0;
  }
}

template <class T>
void write_own(Writer& writer, const T& value);  // archive.hpp
template <class T>
void read_own(Reader& reader, T& value);
template <class T>
T make_own(Reader& reader);

/// Writes a part of a value.
template <class T>
void write_part(Writer& writer, const T& value) {
  if constexpr (Native<T>) {
    Codec<T>::write(writer, value);
  } else if constexpr (HandleType<T>) {
    value.mpx_save(writer);
  } else if constexpr (OwnSerialize<T>) {
    write_own(writer, value);
  } else {
    static_assert(Bitwise<T> && std::is_trivially_copyable_v<T>);
    writer.raw(&value, sizeof value);
  }
}

template <class T>
T make_part(Reader& reader);

/// Reads a part of a value into an object that exists.
template <class T>
void read_part(Reader& reader, T& value) {
  if constexpr (Native<T>) {
    if constexpr (requires { Codec<T>::read_into(reader, value); }) {
      Codec<T>::read_into(reader, value);
    } else {
      value = Codec<T>::make(reader);
    }
  } else if constexpr (HandleType<T>) {
    value = T::mpx_load(reader);
  } else if constexpr (OwnSerialize<T>) {
    read_own(reader, value);
  } else {
    reader.raw(&value, sizeof value);
  }
}

/// Reads a part of a value as a new object.
template <class T>
T make_part(Reader& reader) {
  if constexpr (Native<T> && requires { Codec<T>::make(reader); }) {
    return Codec<T>::make(reader);
  } else if constexpr (HandleType<T>) {
    return T::mpx_load(reader);
  } else if constexpr (std::default_initializable<T>) {
    T value{};
    read_part(reader, value);
    return value;
  } else if constexpr (OwnSerialize<T>) {
    return make_own<T>(reader);
  } else {
    static_assert(Bitwise<T> && std::is_trivially_copyable_v<T>);
    alignas(T) std::byte place[sizeof(T)];
    reader.raw(place, sizeof place);
    return *std::launder(reinterpret_cast<T*>(place));
  }
}

/// What an argument or a sent value of type T travels as: decayed, C strings as std::string.
template <class T>
using sent_t = std::conditional_t<std::is_same_v<std::decay_t<T>, const char*> ||
                                      std::is_same_v<std::decay_t<T>, char*>,
                                  std::string, std::decay_t<T>>;

}  // namespace mpx::detail
