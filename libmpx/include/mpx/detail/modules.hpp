#pragma once

#include <cstdint>
#include <string>

#include "mpx/detail/stable.hpp"

namespace mpx::detail {

/// A module that is loaded in this process.
struct ModuleInfo {
  std::uint64_t id = 0;  ///< CodeToken::module
  std::string path;
  std::string build_id;  ///< hexadecimal; empty where the linker wrote none, and id hashes the file

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& id& path& build_id;
  }
};

/// All modules of this process except the kernel's own page, in load order, the program first.
/// Ranks compare these at start-up.
stable::vector<ModuleInfo> modules();

}  // namespace mpx::detail
