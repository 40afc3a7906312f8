#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <utility>

#include "core/pack.hpp"
#include "wire/kinds.hpp"
#include "wire/process.hpp"

namespace mpx::detail {

/// How a pool was opened.
struct PoolSettings {
  std::uint64_t processes = 0;
  std::uint64_t max_tasks_per_child = 0;
  std::uint64_t retries = 1;
  std::string name;
  ProcessFacts owner;
  Surroundings surroundings = {};  ///< of its processes

  auto fields() {
    return std::tie(processes, max_tasks_per_child, retries, name, owner, surroundings);
  }
};

/// Head of pool_submit. Elements of one size, without handles, stand side by side; others have an
/// ElementHead each.
struct PoolSubmission {
  std::uint64_t batch = 0;  ///< the submitter's number for it
  std::uint64_t function = 0;
  std::uint64_t count = 0;
  std::uint64_t chunk = 0;   ///< 0: automatic
  std::uint64_t depth = 0;   ///< 0, or one more than that of the task which submits it
  std::uint64_t each = 0;    ///< bytes of every element; 0: elements have heads
  std::uint64_t single = 0;  ///< 1: one call by itself, not an element of a map
};
struct ElementHead {
  std::uint64_t size = 0;
  std::uint64_t handles = 0;
};

/// Head of pool_tasks, behind the stamp.
struct PoolTasks {
  std::uint64_t batch = 0;  ///< the home's number for it
  std::uint64_t function = 0;
  std::uint64_t first = 0;
  std::uint64_t depth = 0;
  std::uint64_t each = 0;
  std::uint64_t single = 0;
};

/// Head of the results of `count` elements from `first` on. `count` values of `size` bytes follow,
/// each encoded as in encode(); of failed ones, one captured exception for all.
struct PoolRecord {
  std::uint64_t batch = 0;
  std::uint64_t first = 0;
  std::uint64_t size = 0;
  std::uint32_t count = 1;
  std::uint32_t handles = 0;
  std::uint32_t status = 0;  ///< Status::ok or Status::error
  std::uint32_t unused = 0;

  [[nodiscard]] bool failed() const { return status != static_cast<std::uint32_t>(Status::ok); }
};

/// Takes the next record of a body, and its values.
inline std::pair<PoolRecord, ByteView> next_record(Unpacker& in) {
  const auto record = in.get<PoolRecord>();
  const auto copies = record.failed() ? 1 : record.count;
  if (record.count == 0 || (copies > 1 && record.size > in.rest().size() / copies))
    throw CodecError("a record of a pool holds an impossible count");
  return {record, in.view(record.size * copies)};
}

}  // namespace mpx::detail
