#pragma once

#include "mpx/detail/ids.hpp"

namespace mpx::detail {

/// Objects that are there from the beginning to the end of a job: made by no process, and held by
/// none. All are on rank 0.
constexpr ObjectId well_known(std::uint32_t number) { return {0, number, ProcessId::homes_of(0)}; }

inline constexpr auto kDirectory = well_known(1);  ///< all processes
inline constexpr auto kNameTable = well_known(2);  ///< named objects
inline constexpr auto kWaitWatch = well_known(3);  ///< who waits for what

[[nodiscard]] constexpr bool is_well_known(const ObjectId& object) {
  return object.maker == ProcessId::homes_of(0);
}

}  // namespace mpx::detail
