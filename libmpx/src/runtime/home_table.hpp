#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include "runtime/home.hpp"

namespace mpx::detail {

/// The objects whose home is this rank, and who holds them.
///
/// A reference belongs to a process or is in flight (in a message not yet decoded). The counts of
/// one object may arrive in any order from different processes, so a count may be negative for a
/// while; an object is freed when no process holds it and nothing is in flight. A sender counts a
/// reference in flight before it gives up its own, on the same ordered way, so an object in use is
/// never freed.
class HomeTable {
 public:
  /// Makes the home of a new object; the answer to `request` (if it is not null) is the factory's.
  using Factory =
      std::function<std::unique_ptr<Home>(const FrameHeader& request, Payload arguments, Outbox&)>;

  explicit HomeTable(Factory factory) : factory_(std::move(factory)) {}

  /// Handles a frame of a kind for homes.
  void on(Frame frame, Outbox& out);

  /// Drops all references of a process that has ended and tells every home.
  void on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out);

  /// Tells every home that a process is about to end in good order.
  void on_leaving(ProcessId who, Outbox& out);

  [[nodiscard]] std::size_t size() const { return objects_.size(); }
  [[nodiscard]] Home* find(const ObjectId& id);

 private:
  struct Entry {
    std::unique_ptr<Home> home;
    std::int64_t in_flight = 0;
    std::unordered_map<ProcessId, std::int64_t> holders;  // without zero counts
  };
  using Objects = std::unordered_map<ObjectId, Entry>;

  static void count(Entry& entry, ProcessId who, std::int64_t by);
  void free_if_unused(Objects::iterator entry, Outbox& out);

  Factory factory_;
  Objects objects_;
};

}  // namespace mpx::detail
