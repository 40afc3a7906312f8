#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "mpx/detail/ids.hpp"
#include "wire/kinds.hpp"

namespace mpx::detail {

/// How a thread waits.
enum class WaitLimit : std::uint8_t {
  none,  ///< until what it waits for has come
  time,  ///< it goes on by itself in the end
  idle,  ///< to be given work: nobody waits for it
};

/// What a wait in a process is for.
struct Purpose {
  Kind kind{};        ///< of the request that was sent, or of the delivery that ends the wait
  ObjectId object{};  ///< empty: none
  bool idle = false;
};

/// A thread that waits.
struct WaitRecord {
  ObjectId object{};
  std::uint64_t number = 0;  ///< of the wait, in its process; the same number is the same wait
  std::int64_t age_ns = 0;
  Kind kind{};
  WaitLimit limit = WaitLimit::none;
};

/// What a process says of itself.
struct ProcessWaits {
  std::uint64_t round = 0;
  std::int32_t pid = 0;
  std::int32_t running = 0;  ///< threads of the program that do not wait in libmpx
  std::vector<WaitRecord> waits;

  auto fields() { return std::tie(round, pid, running, waits); }
};

/// Permits of a semaphore that a process is known to hold; below zero: it gave them back elsewhere.
struct HeldPermits {
  ObjectId semaphore{};
  ProcessId who{};
  std::int64_t count = 0;
};

/// What a home says of its object.
struct ObjectFacts {
  ObjectId object{};
  std::string kind;                ///< `Lock`, …; empty: there is no such object
  std::vector<ProcessId> holders;  ///< on which the object waits, as far as that is known
  std::vector<HeldPermits> permits;
  std::string note;  ///< its state, for a person to read; may be empty

  auto fields() { return std::tie(object, kind, holders, permits, note); }
};

}  // namespace mpx::detail
