#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/home.hpp"

namespace mpx::detail {

/// The objects whose home is this rank, and who holds them.
///
/// A reference belongs to a process or is in flight (in a message not yet decoded). Who sends a
/// handle counts a reference in flight before it gives up its own, on the same ordered way; who
/// receives it says by whom it was counted. Messages of different processes overtake each other, so
/// a counter may be negative for a while; as each counter is looked at by itself, the object of a
/// handle that was passed on twice lives whatever comes first. It is freed when no process holds it
/// and every counter is zero.
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

  /// Home::unfinished() of those homes that have something to say.
  [[nodiscard]] std::vector<std::string> unfinished() const;

  /// Home::tell() of one of them.
  [[nodiscard]] ObjectFacts facts(const ObjectId& id) const;

  [[nodiscard]] std::size_t size() const { return objects_.size(); }
  [[nodiscard]] Home* find(const ObjectId& id);

 private:
  using Counts = std::unordered_map<ProcessId, std::int64_t>;  // without zeros
  struct Entry {
    std::unique_ptr<Home> home;
    Counts in_flight;  // by who counted them
    Counts holders;
  };
  using Objects = std::unordered_map<ObjectId, Entry>;

  static void count(Counts& counts, ProcessId who, std::int64_t by);
  void free_if_unused(Objects::iterator entry, Outbox& out);

  Factory factory_;
  Objects objects_;
};

}  // namespace mpx::detail
