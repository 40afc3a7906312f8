#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "mpx/detail/archive.hpp"
#include "mpx/detail/codec.hpp"
#include "mpx/detail/codec_containers.hpp"
#include "mpx/detail/codec_values.hpp"
#include "mpx/detail/sendable.hpp"
#include "mpx/detail/type_name.hpp"

namespace mpx::detail {

[[noreturn]] void throw_null_text();
[[noreturn]] void throw_wrong_type(std::uint64_t sent, std::string_view wanted);
[[noreturn]] void throw_trailing(std::size_t left, std::string_view type);

/// A C string, or as much of a char array as comes before its zero.
template <class T>
std::string_view text_of(const T& text) {
  if constexpr (std::is_array_v<T>) {
    return {text, ::strnlen(text, std::extent_v<T>)};
  } else {
    if (text == nullptr) throw_null_text();
    return text;
  }
}

/// Bytes that `value` will take, where that is cheap to tell; else a first guess.
template <class T>
std::size_t size_hint(const T& value) {
  if constexpr (plain<T>) {
    return sizeof(T);
  } else if constexpr (requires {
                         value.data();
                         value.size();
                         typename T::value_type;
                       }) {
    return sizeof(std::uint64_t) + value.size() * sizeof(typename T::value_type);
  } else {
    return 48;
  }
}

/// Appends `value`, without its type. C strings are written as a std::string.
template <class T>
void write(Writer& writer, const T& value) {
  using Sent = sent_t<T>;
  require_sendable<Sent>();
  if constexpr (std::is_same_v<Sent, std::string> && !std::is_same_v<T, std::string>) {
    const std::string_view text = text_of(value);
    writer.number<std::uint64_t>(text.size());
    writer.raw(text.data(), text.size());
  } else if constexpr (plain<T> || HandleType<T>) {
    write_part(writer, value);
  } else {
    ArchiveScope scope(writer);
    write_part(writer, value);
    scope.finish();
  }
}

/// The counterpart of write(): the next value, of the same type. Throws CodecError.
template <class T>
T read(Reader& reader) {
  if constexpr (require_received<T>()) {
    if constexpr (plain<T> || HandleType<T>) {
      return make_part<T>(reader);
    } else {
      ArchiveScope scope(reader);
      T value = make_part<T>(reader);
      scope.finish();
      return value;
    }
  }
}

/// Appends the type of `value`, then the value: what decode() takes apart.
template <class T>
void encode_to(Writer& writer, const T& value) {
  using Sent = sent_t<T>;
  static_cast<void>(&type_entry<Sent>);
  writer.reserve(sizeof(std::uint64_t) + size_hint(value));
  writer.number(fingerprint<Sent>);
  write(writer, value);
}

template <class T>
Payload encode(const T& value) {
  Writer writer;
  encode_to(writer, value);
  return writer.take();
}

/// Reads one value that encode_to() wrote. Throws CodecError, naming both types if they differ.
template <class T>
T decode_from(Reader& reader) {
  static_cast<void>(&type_entry<T>);
  if (const auto sent = reader.number<std::uint64_t>(); sent != fingerprint<T>) {
    throw_wrong_type(sent, type_name<T>());
  }
  return read<T>(reader);
}

/// The value in `bytes`, which must hold exactly one. Throws CodecError.
template <class T>
T decode(ByteView bytes) {
  Reader reader(bytes);
  T value = decode_from<T>(reader);
  if (!reader.at_end()) throw_trailing(reader.left(), type_name<T>());
  return value;
}

}  // namespace mpx::detail
