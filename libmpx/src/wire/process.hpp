#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "core/pack.hpp"

namespace mpx::detail {

/// What is known about a process, before and after its end.
struct ProcessFacts {
  std::string name;
  std::string host;
  std::int32_t rank = -1;
  std::int32_t pid = 0;
  std::int32_t exit_code = 0;  ///< −signal if killed
  std::uint8_t ended = 0;
  std::string trouble = {};  ///< why it could not be started, where it could not

  auto fields() { return std::tie(name, host, rank, pid, exit_code, ended, trouble); }
};

/// In what a process starts, where that differs from what its fork server has.
struct Surroundings {
  std::string directory;           ///< working directory; empty: the fork server's
  std::vector<std::string> set;    ///< "NAME=value": variables that were added or changed
  std::vector<std::string> unset;  ///< names of variables that were removed

  auto fields() { return std::tie(directory, set, unset); }
};

/// How to start a process.
struct StartRequest {
  std::string name;
  std::string host;        ///< empty: anywhere
  std::int32_t rank = -1;  ///< −1: anywhere
  std::uint8_t daemon = 0;
  std::uint8_t in_pool = 0;  ///< serves `pool`; the call is its initializer and may be empty
  ObjectId pool;
  ProcessId parent;
  ProcessFacts parent_facts;
  Surroundings surroundings;    ///< the starter's
  std::uint64_t cpu_count = 1;  ///< set by the directory, as the name if it is empty

  auto fields() {
    return std::tie(name, host, rank, daemon, in_pool, pool, parent, parent_facts, surroundings,
                    cpu_count);
  }
};

}  // namespace mpx::detail
