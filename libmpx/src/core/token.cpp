#include "mpx/detail/token.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <memory>
#include <string_view>
#include <utility>

#include "core/module.hpp"
#include "mpx/detail/codec_values.hpp"
#include "mpx/detail/mutex.hpp"
#include "mpx/detail/type_name.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {

namespace {

/// The modules at one moment; never changed after it was made.
struct Table {
  LoadCount count;
  std::vector<LoadedModule> modules;

  [[nodiscard]] const LoadedModule* holding(std::uintptr_t address) const {
    for (const auto& module : modules) {
      if (module.segment_of(address) != nullptr) return &module;
    }
    return nullptr;
  }
  [[nodiscard]] const LoadedModule* with_id(std::uint64_t id) const {
    for (const auto& module : modules) {
      if (module.info.id == id) return &module;
    }
    return nullptr;
  }
};

std::shared_ptr<const Table> make_table(const Table* last) {
  auto table = std::make_shared<Table>();
  table->count = load_count();
  table->modules = scan_modules();
  if (last == nullptr) return table;
  for (auto& module : table->modules) {
    const auto* const known = last->with_id(module.info.id);
    module.late = known == nullptr || known->late;
  }
  return table;
}

/// The table as of now. A thread keeps the one that it used last, so that the usual case is one
/// look at the loader's counters.
const std::shared_ptr<const Table>& current_table() {
  static Mutex mutex;
  static std::shared_ptr<const Table> newest MPX_GUARDED_BY(mutex);
  thread_local std::shared_ptr<const Table> mine;
  const auto count = load_count();
  if (mine && mine->count == count) return mine;
  const MutexLock lock(mutex);
  if (!newest || newest->count != count) newest = make_table(newest.get());
  mine = newest;
  return mine;
}

// A token on the wire is two words: the module's id; then, from the top, a check of both numbers,
// whether the module's path follows, and the offset.
constexpr int kOffsetBits = 39;
constexpr std::uint64_t kOffsetMask = (std::uint64_t{1} << kOffsetBits) - 1;
constexpr std::uint64_t kPathFollows = std::uint64_t{1} << kOffsetBits;
constexpr int kCheckShift = kOffsetBits + 1;

constexpr std::uint64_t check_of(std::uint64_t module, std::uint64_t low) {
  auto mixed = (module ^ std::rotl(low, 23)) * 0x9E3779B97F4A7C15u;
  mixed = (mixed ^ (mixed >> 29)) * 0xBF58476D1CE4E5B9u;
  return mixed >> kCheckShift << kCheckShift;
}

/// A token ready for the wire.
struct Located {
  const void* address = nullptr;
  CodeToken token;
  const LoadedModule* module = nullptr;
};

Located locate(const Table& table, const void* address) {
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  const auto* const module = table.holding(number);
  if (module == nullptr) {
    throw UsageError(
        fmt::format("cannot name the function at {} to another process: no module that was loaded "
                    "from a file holds it, as if its code had been made at run time",
                    address));
  }
  const auto offset = number - module->base;
  if (offset > kOffsetMask) {
    throw UsageError(fmt::format("cannot name the function at {}: it lies {} bytes into {}",
                                 address, offset, module->info.path));
  }
  return {address, {module->info.id, offset}, module};
}

/// Tokens asked for lately by this thread, while `table` is the current one.
const Located& locate_cached(const void* address) {
  struct Cache {
    std::shared_ptr<const Table> table;
    std::array<Located, 64> places;
  };
  thread_local Cache cache;
  const auto& table = current_table();
  if (cache.table != table) {
    cache.table = table;
    cache.places = {};
  }
  const auto hash = reinterpret_cast<std::uintptr_t>(address) * 0x9E3779B97F4A7C15u;
  auto& place = cache.places[hash >> 58];
  if (place.address != address) place = locate(*table, address);
  return place;
}

[[noreturn]] void throw_unknown_module(const CodeToken& token, std::string_view path) {
  throw UsageError(fmt::format(
      "cannot call the function at offset {:#x} of module {} (id {:016x}): this process has not "
      "loaded that module, or has another build of it; run the same build everywhere, and load "
      "plug-ins before mpx::run or in every process that is to call into them",
      token.offset, path.empty() ? "unknown here" : path, token.module));
}

}  // namespace

stable::vector<ModuleInfo> modules() {
  stable::vector<ModuleInfo> infos;
  for (const auto& module : current_table()->modules) infos.push_back(module.info);
  return infos;
}

CodeToken token_of(const void* address) { return locate_cached(address).token; }

const void* address_of(const CodeToken& token) {
  const auto* const module = current_table()->with_id(token.module);
  if (module == nullptr) throw_unknown_module(token, {});
  return reinterpret_cast<const void*>(module->base + token.offset);
}

void write_address(Writer& writer, const void* address) {
  const auto& located = locate_cached(address);
  const auto low = located.token.offset | (located.module->late ? kPathFollows : 0);
  writer.number(located.token.module);
  writer.number(low | check_of(located.token.module, low));
  if (located.module->late) write_part(writer, located.module->info.path);
}

const void* read_address(Reader& reader, std::size_t data_bytes) {
  CodeToken token;
  token.module = reader.number<std::uint64_t>();
  const auto word = reader.number<std::uint64_t>();
  const auto low = word & (kOffsetMask | kPathFollows);
  if ((low | check_of(token.module, low)) != word) {
    throw CodecError("cannot decode the name of a function; the data is damaged");
  }
  token.offset = low & kOffsetMask;
  const auto path = (low & kPathFollows) != 0 ? make_part<std::string>(reader) : std::string();
  const auto* const module = current_table()->with_id(token.module);
  if (module == nullptr) throw_unknown_module(token, path);
  const auto address = module->base + token.offset;
  const auto* const segment = module->segment_of(address);
  const bool fits = segment != nullptr &&
                    (data_bytes == 0 ? segment->executable
                                     : segment->readable && segment->end - address >= data_bytes);
  if (!fits) {
    throw CodecError(
        fmt::format("cannot decode the name of a function: offset {:#x} of {} holds "
                    "nothing of the kind",
                    token.offset, module->info.path));
  }
  return reinterpret_cast<const void*>(address);
}

// Bit 0 of `target` (x86-64, most others) or of `adjustment` (Arm) says "virtual".
namespace {
#if defined(__arm__) || defined(__aarch64__)
bool is_virtual(const MemberPointer& pointer) { return (pointer.adjustment & 1) != 0; }
#else
bool is_virtual(const MemberPointer& pointer) { return (pointer.target & 1) != 0; }
#endif
}  // namespace

void write_member_pointer(Writer& writer, const MemberPointer& pointer) {
  write_part(writer, is_virtual(pointer));
  writer.number(static_cast<std::int64_t>(pointer.adjustment));
  if (is_virtual(pointer)) {
    writer.number(static_cast<std::uint64_t>(pointer.target));
  } else {
    write_address(writer, reinterpret_cast<const void*>(pointer.target));
  }
}

MemberPointer read_member_pointer(Reader& reader) {
  MemberPointer pointer;
  const bool virtual_function = make_part<bool>(reader);
  pointer.adjustment = static_cast<std::ptrdiff_t>(reader.number<std::int64_t>());
  if (virtual_function) {
    pointer.target = static_cast<std::uintptr_t>(reader.number<std::uint64_t>());
  } else {
    pointer.target = reinterpret_cast<std::uintptr_t>(read_address(reader, 0));
  }
  return pointer;
}

}  // namespace mpx::detail
