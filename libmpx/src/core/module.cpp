#include "core/module.hpp"

#include <elf.h>
#include <fmt/format.h>
#include <link.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "mpx/detail/type_name.hpp"

namespace mpx::detail {

namespace {

std::string_view bytes_at(std::uintptr_t address, std::size_t size) {
  return {reinterpret_cast<const char*>(address), size};
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

/// The contents of the GNU build-id note in a PT_NOTE segment, or nothing.
std::string_view find_build_id(std::string_view notes) {
  constexpr auto padded = [](std::size_t size) { return (size + 3) & ~std::size_t{3}; };
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes.data(), sizeof note);
    notes.remove_prefix(sizeof note);
    const auto name_size = padded(note.n_namesz);
    const auto content_size = padded(note.n_descsz);
    if (name_size > notes.size() || content_size > notes.size() - name_size) return {};
    if (note.n_type == NT_GNU_BUILD_ID &&
        notes.substr(0, note.n_namesz) == bytes_at(reinterpret_cast<std::uintptr_t>("GNU"), 4)) {
      return notes.substr(name_size, note.n_descsz);
    }
    notes.remove_prefix(name_size + content_size);
  }
  return {};
}

bool is_kernel_page(std::string_view name) {
  return name.starts_with("linux-vdso") || name.starts_with("linux-gate");
}

LoadedModule describe(const dl_phdr_info& info, bool first) {
  LoadedModule module;
  module.base = info.dlpi_addr;
  module.info.path = info.dlpi_name;
  if (first && module.info.path.empty()) {
    std::error_code ignored;
    module.info.path = std::filesystem::read_symlink("/proc/self/exe", ignored).string();
  }
  std::string_view build_id;
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const auto& part = info.dlpi_phdr[i];
    const auto begin = info.dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_NOTE && build_id.empty()) {
      build_id = find_build_id(bytes_at(begin, part.p_memsz));
    }
    if (part.p_type == PT_LOAD) {
      module.segments.push_back(
          {begin, begin + part.p_memsz, (part.p_flags & PF_R) != 0, (part.p_flags & PF_X) != 0});
    }
  }
  if (!build_id.empty()) {
    module.info.build_id = hex(build_id);
    module.info.id = fnv1a(build_id);
    return module;
  }
  // No note: what the linker wrote and the loader does not relocate tells builds apart as well.
  auto hash = fnv1a("");
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const auto& part = info.dlpi_phdr[i];
    if (part.p_type == PT_LOAD && (part.p_flags & PF_W) == 0 && (part.p_flags & PF_R) != 0) {
      hash = fnv1a(bytes_at(info.dlpi_addr + part.p_vaddr, part.p_filesz), hash);
    }
  }
  module.info.id = hash;
  return module;
}

}  // namespace

const Segment* LoadedModule::segment_of(std::uintptr_t address) const {
  const auto at = std::find_if(segments.begin(), segments.end(), [&](const Segment& segment) {
    return segment.begin <= address && address < segment.end;
  });
  return at == segments.end() ? nullptr : &*at;
}

LoadCount load_count() {
  LoadCount count;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* to) {
        *static_cast<LoadCount*>(to) = {info->dlpi_adds, info->dlpi_subs};
        return 1;  // every module tells the same numbers
      },
      &count);
  return count;
}

std::vector<LoadedModule> scan_modules() {
  struct Scan {
    std::vector<LoadedModule> modules;
    bool first = true;
  } scan;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* to) {
        auto& scan = *static_cast<Scan*>(to);
        const bool first = std::exchange(scan.first, false);
        if (!is_kernel_page(info->dlpi_name)) scan.modules.push_back(describe(*info, first));
        return 0;
      },
      &scan);
  return std::move(scan.modules);
}

}  // namespace mpx::detail
