#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// Outside mpx: the compiler leaves out the namespaces that a type shares with this function.
namespace mpx_type_name {

template <class T>
constexpr std::string_view raw() {
  constexpr std::string_view text = __PRETTY_FUNCTION__;
  constexpr auto begin = text.find("T = ") + 4;
  constexpr auto alias = text.find("; std::string_view = ", begin);
  constexpr auto end = alias == std::string_view::npos ? text.rfind(']') : alias;
  return text.substr(begin, end - begin);
}

}  // namespace mpx_type_name

namespace mpx::detail {

/// The compiler's spelling of T, cut out of __PRETTY_FUNCTION__.
template <class T>
constexpr std::string_view raw_type_name() {
  return mpx_type_name::raw<T>();
}

/// `raw` as a person would write it: std::string instead of its expansion, no inline namespaces.
std::string readable_type_name(std::string_view raw);

constexpr std::uint64_t fnv1a(std::string_view text, std::uint64_t hash = 0xcbf29ce484222325u) {
  for (const char letter : text) {
    hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3u;
  }
  return hash;
}

template <class T>
constexpr std::uint64_t make_fingerprint() {
  constexpr auto size = sizeof(T);
  return (fnv1a(raw_type_name<T>()) ^ size) * 0x100000001b3u;
}

/// 64-bit identity of a sent type: its name mixed with its size.
template <class T>
inline constexpr std::uint64_t fingerprint = make_fingerprint<T>();

/// Name of T for messages to people.
template <class T>
std::string_view type_name() {
  static const std::string name = readable_type_name(raw_type_name<T>());
  return name;
}

/// Entry of the process-wide table that turns a fingerprint back into a name; made during static
/// initialisation for every type that this program encodes or decodes.
class TypeEntry {
 public:
  TypeEntry(std::uint64_t fingerprint, std::string_view raw_name) noexcept;
  ~TypeEntry();
  TypeEntry(const TypeEntry&) = delete;
  TypeEntry& operator=(const TypeEntry&) = delete;

 private:
  friend std::string type_of_fingerprint(std::uint64_t fingerprint);
  std::uint64_t fingerprint_;
  std::string_view raw_name_;
  TypeEntry* next_;
};

/// Readable name of the type, or its number where no loaded module encodes or decodes that type.
std::string type_of_fingerprint(std::uint64_t fingerprint);

template <class T>
inline const TypeEntry type_entry{fingerprint<T>, raw_type_name<T>()};

}  // namespace mpx::detail
