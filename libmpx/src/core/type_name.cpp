#include "mpx/detail/type_name.hpp"

#include <fmt/format.h>

#include <type_traits>
#include <utility>

#include "mpx/detail/mutex.hpp"

namespace mpx::detail {

namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

Mutex table_mutex;
static_assert(std::is_trivially_destructible_v<Mutex>);  // entries of other modules may outlive it
TypeEntry* table MPX_GUARDED_BY(table_mutex) = nullptr;

}  // namespace

std::string readable_type_name(std::string_view raw) {
  std::string name(raw);
  replace_all(name, "__cxx11::", "");
  replace_all(name, "std::basic_string<char, std::char_traits<char>, std::allocator<char> >",
              "std::string");
  replace_all(name, "std::basic_string<char>", "std::string");
  replace_all(name, " >", ">");
  replace_all(name, "{anonymous}::", "");
  replace_all(name, "(anonymous namespace)::", "");
  return name;
}

TypeEntry::TypeEntry(std::uint64_t fingerprint, std::string_view raw_name) noexcept
    : fingerprint_(fingerprint), raw_name_(raw_name) {
  const MutexLock lock(table_mutex);
  next_ = std::exchange(table, this);
}

TypeEntry::~TypeEntry() {
  const MutexLock lock(table_mutex);
  for (auto** at = &table; *at != nullptr; at = &(*at)->next_) {
    if (*at == this) {
      *at = next_;
      return;
    }
  }
}

std::string type_of_fingerprint(std::uint64_t fingerprint) {
  const MutexLock lock(table_mutex);
  for (const auto* entry = table; entry != nullptr; entry = entry->next_) {
    if (entry->fingerprint_ == fingerprint) return readable_type_name(entry->raw_name_);
  }
  return fmt::format("a type unknown here (fingerprint {:016x})", fingerprint);
}

}  // namespace mpx::detail
