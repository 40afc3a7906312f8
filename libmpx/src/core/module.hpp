#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mpx/detail/modules.hpp"

namespace mpx::detail {

/// One loadable part of a module, as mapped in this process.
struct Segment {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  bool readable = false;
  bool executable = false;
};

/// A module of this process: what others know of it, and where it lies here.
struct LoadedModule {
  ModuleInfo info;
  std::uintptr_t base = 0;
  std::vector<Segment> segments;
  bool late = false;  ///< loaded after the table was first made

  [[nodiscard]] const Segment* segment_of(std::uintptr_t address) const;
};

/// How often this process has loaded and unloaded modules; a table made at another value is old.
struct LoadCount {
  unsigned long long added = 0;
  unsigned long long removed = 0;
  friend bool operator==(const LoadCount&, const LoadCount&) = default;
};
LoadCount load_count();

/// As modules(), with where they lie here.
std::vector<LoadedModule> scan_modules();

}  // namespace mpx::detail
