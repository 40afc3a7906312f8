#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "mpx/detail/buffer.hpp"

namespace mpx::detail {

/// Where a function or a static object is, said so that every process of the same build can find
/// its own: the module (program or shared library) and the distance from the module's start.
struct CodeToken {
  std::uint64_t module = 0;  ///< hash of the module's build id; ModuleInfo::id
  std::uint64_t offset = 0;

  friend bool operator==(const CodeToken&, const CodeToken&) = default;
};

/// A module that is loaded in this process.
struct ModuleInfo {
  std::uint64_t id = 0;
  std::string path;
  std::string
      build_id;  ///< hexadecimal; empty where the linker wrote none, and id is a content hash

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& id& path& build_id;
  }
};

/// All modules of this process except the kernel's own page, in load order, the program first.
/// Ranks compare these at start-up.
std::vector<ModuleInfo> modules();

/// Names `address`. Throws UsageError when no module holds it (code made at run time).
/// Cost: some nanoseconds for an address asked for lately; else a search of the module table.
CodeToken token_of(const void* address);

/// The address in this process. Throws UsageError naming the module when it is not loaded here.
const void* address_of(const CodeToken& token);

/// Writes the token, and the module's path when it was loaded after the program had started.
void write_token(Writer& writer, const CodeToken& token);

/// Reads a token and finds its address. Throws CodecError when the bytes are damaged, UsageError
/// naming the module when this process has not loaded it. `executable`: what must lie there.
const void* read_address(Reader& reader, bool executable);

/// Writes a pointer to a function or a static object; it must not be null.
void write_address(Writer& writer, const void* address);

template <class F>
requires std::is_function_v<std::remove_pointer_t<F>>
void write_function(Writer& writer, F function) {
  write_address(writer, reinterpret_cast<const void*>(function));
}

template <class F>
F read_function(Reader& reader) {
  return reinterpret_cast<F>(const_cast<void*>(read_address(reader, true)));
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
  static_assert(sizeof function == sizeof(MemberPointer));
  MemberPointer pointer;
  std::memcpy(&pointer, &function, sizeof pointer);
  write_member_pointer(writer, pointer);
}

template <class F>
requires std::is_member_function_pointer_v<F> F read_function(Reader& reader) {
  const auto pointer = read_member_pointer(reader);
  F function;
  std::memcpy(&function, &pointer, sizeof function);
  return function;
}

}  // namespace mpx::detail
