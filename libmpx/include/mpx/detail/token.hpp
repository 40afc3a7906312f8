#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "mpx/detail/buffer.hpp"

namespace mpx::detail {

/// Where a function or a static object is, said so that every process of the same build can find
/// its own: the module (program or shared library) and the distance from the module's start.
struct CodeToken {
  std::uint64_t module = 0;  ///< hash of the module's build id
  std::uint64_t offset = 0;

  friend bool operator==(const CodeToken&, const CodeToken&) = default;
};

/// Names `address`. Throws UsageError when no module holds it (code made at run time).
/// Cost:          some nanoseconds for an address asked for lately; else a search of the module
///                table.
CodeToken token_of(const void* address);

/// The address in this process. Throws UsageError naming the module when it is not loaded here.
const void* address_of(const CodeToken& token);

/// Reads a token and finds its address; `data_bytes` tells what must lie there: so many readable
/// bytes, or, if 0, code. Throws CodecError when the token is damaged, UsageError naming the module
/// when this process has not loaded it.
const void* read_address(Reader& reader, std::size_t data_bytes);

/// Writes the token of a function or a static object, and the path of its module when that was
/// loaded after the program had started. Throws as token_of.
void write_address(Writer& writer, const void* address);

template <class F>
requires std::is_function_v<std::remove_pointer_t<F>>
void write_function(Writer& writer, F function) {
  write_address(writer, reinterpret_cast<const void*>(function));
}

template <class F>
F read_function(Reader& reader) {
  return reinterpret_cast<F>(const_cast<void*>(read_address(reader, 0)));
}

/// Itanium ABI: a pointer to a member function is an address, or an offset into the object's
/// virtual table, and an adjustment of `this`.
struct MemberPointer {
  std::uintptr_t target = 0;
  std::ptrdiff_t adjustment = 0;
};
void write_member_pointer(Writer& writer, const MemberPointer& pointer);
MemberPointer read_member_pointer(Reader& reader);

template <class F>
requires std::is_member_function_pointer_v<F>
void write_function(Writer& writer, F function) {
  write_member_pointer(writer, std::bit_cast<MemberPointer>(function));
}

template <class F>
requires std::is_member_function_pointer_v<F> F read_function(Reader& reader) {
  return std::bit_cast<F>(read_member_pointer(reader));
}

}  // namespace mpx::detail
