#include "core/symbols.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "mpx/detail/mutex.hpp"
namespace mpx::detail {
namespace {

using Address = std::uintptr_t;

/// A file, mapped to read.
class MappedFile {
 public:
  explicit MappedFile(const char* path) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    struct stat status {};
    if (fstat(file, &status) == 0 && status.st_size > 0) {
      const auto size = static_cast<std::size_t>(status.st_size);
      void* place = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
      if (place != MAP_FAILED) content_ = {static_cast<const std::byte*>(place), size};
    }
    close(file);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() {
    if (!content_.empty()) munmap(const_cast<std::byte*>(content_.data()), content_.size());
  }

  /// `count` objects at `offset`; none if they are not all within the file.
  template <class T>
  [[nodiscard]] std::span<const T> at(std::uint64_t offset, std::uint64_t count) const {
    if (offset > content_.size() || count > (content_.size() - offset) / sizeof(T)) return {};
    if (offset % alignof(T) != 0) return {};
    return {reinterpret_cast<const T*>(content_.data() + offset), count};
  }

 private:
  std::span<const std::byte> content_;
};

struct Found {
  std::string function;  // mangled
  Address offset = 0;
};

/// Looks the addresses (relative to the load address) up in one table of symbols.
void search_table(const MappedFile& file, const ElfW(Shdr) & table, const ElfW(Shdr) & names,
                  std::map<Address, Found>& wanted) {
  const auto symbols = file.at<ElfW(Sym)>(table.sh_offset, table.sh_size / sizeof(ElfW(Sym)));
  const auto text = file.at<char>(names.sh_offset, names.sh_size);
  if (text.empty() || text.back() != '\0') return;
  for (const auto& symbol : symbols) {
    if ((symbol.st_info & 0xf) != STT_FUNC || symbol.st_shndx == SHN_UNDEF) continue;
    if (symbol.st_name >= text.size()) continue;
    const auto end = symbol.st_value + symbol.st_size;
    for (auto i = wanted.lower_bound(symbol.st_value); i != wanted.end() && i->first < end; ++i) {
      if (i->second.function.empty()) {
        i->second = {text.data() + symbol.st_name, i->first - symbol.st_value};
      }
    }
  }
}

/// dladdr() sees exported functions only; the file's own table has all of them.
void search_module(const char* path, std::map<Address, Found>& wanted) {
  const MappedFile file(path);
  const auto header = file.at<ElfW(Ehdr)>(0, 1);
  if (header.empty() || std::string_view(reinterpret_cast<const char*>(header[0].e_ident),
                                         SELFMAG) != std::string_view(ELFMAG, SELFMAG)) {
    return;
  }
  const auto sections = file.at<ElfW(Shdr)>(header[0].e_shoff, header[0].e_shnum);
  for (const auto& section : sections) {
    const bool is_table = section.sh_type == SHT_SYMTAB || section.sh_type == SHT_DYNSYM;
    if (is_table && section.sh_link < sections.size()) {
      search_table(file, section, sections[section.sh_link], wanted);
    }
  }
}

struct Module {
  std::string path;
  Address base = 0;
};

Module module_of(Address address) {
  Dl_info info{};
  link_map* map = nullptr;
  void** extra = reinterpret_cast<void**>(&map);
  if (dladdr1(reinterpret_cast<void*>(address), &info, extra, RTLD_DL_LINKMAP) == 0) return {};
  // l_addr is what run-time addresses have more than those in the file; a program that is not
  // position-independent has none. Its path may be relative to a directory since left.
  const bool is_program = map == nullptr || map->l_name == nullptr || map->l_name[0] == '\0';
  return {is_program ? "/proc/self/exe" : info.dli_fname, map == nullptr ? 0 : map->l_addr};
}

std::string module_name(const std::string& path) {
  if (path.empty()) return "?";
  std::string full = path;
  if (path == "/proc/self/exe") {
    char target[4096];
    const auto length = readlink(path.c_str(), target, sizeof target);
    if (length > 0) full.assign(target, static_cast<std::size_t>(length));
  }
  return full.substr(full.rfind('/') + 1);
}

Mutex names_mutex;
std::unordered_map<Address, std::string>* names MPX_GUARDED_BY(names_mutex);  // never freed

/// Adds the text of every address that is not yet in `names`.
void look_up(const std::vector<Address>& addresses) MPX_REQUIRES(names_mutex) {
  std::map<std::string, std::pair<Address, std::map<Address, Found>>> modules;
  std::map<Address, std::string> module_paths;
  for (const auto address : addresses) {
    if (names->contains(address)) continue;
    const auto module = module_of(address);
    module_paths[address] = module.path;
    auto& [base, wanted] = modules[module.path];
    base = module.base;
    wanted[address - module.base];
  }
  for (auto& [path, entry] : modules) {
    if (!path.empty()) search_module(path.c_str(), entry.second);
  }
  for (const auto& [address, path] : module_paths) {
    const auto& [base, wanted] = modules[path];
    const auto& found = wanted.at(address - base);
    (*names)[address] = found.function.empty()
                            ? fmt::format("{:#x} ({})", address - base, module_name(path))
                            : fmt::format("{}+{:#x} ({})", demangle(found.function.c_str()),
                                          found.offset, module_name(path));
  }
}

}  // namespace

std::string demangle(const char* name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> readable(
      abi::__cxa_demangle(name, nullptr, nullptr, &status), std::free);
  return status == 0 && readable ? readable.get() : name;
}

std::string symbolise(std::span<void* const> addresses) {
  std::vector<Address> callers;
  // A return address is behind the call, perhaps already in the next function.
  for (void* address : addresses) callers.push_back(reinterpret_cast<Address>(address) - 1);
  const MutexLock lock(names_mutex);
  if (names == nullptr) names = new std::unordered_map<Address, std::string>;
  look_up(callers);
  std::string text;
  for (std::size_t i = 0; i < callers.size(); ++i) {
    if (i != 0) text += '\n';
    text += fmt::format("#{} {}", i, names->at(callers[i]));
  }
  return text;
}

}  // namespace mpx::detail
