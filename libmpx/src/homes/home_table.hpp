#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "homes/home.hpp"

namespace mpx::detail {

/// The objects whose home is this rank, and who holds them.
///
/// A reference belongs to a process or is in flight (in a message not yet decoded). Who sends a
/// handle counts a reference in flight before it gives up its own, on the same ordered way; who
/// receives it says by whom it was counted. Messages of different processes overtake each other, so
/// a counter may be negative for a while; as each counter is looked at by itself, the object of a
/// handle that was passed on twice lives whatever comes first. It is freed when no process holds it
/// and every counter is zero.
///
/// Who has held an object or sent a request to it is its user until it ends: of a process's end
/// only the homes of what it has used are told, however many there are.
class HomeTable {
 public:
  /// Makes the home of a new object; the answer to `request` (if it is not null) is the factory's.
  using Factory =
      std::function<std::unique_ptr<Home>(const FrameHeader& request, Payload arguments, Outbox&)>;

  explicit HomeTable(Factory factory) : factory_(std::move(factory)) {}

  /// Handles a frame of a kind for homes.
  void on(Frame frame, Outbox& out);

  /// Drops all references of a process that has ended and tells the homes of what it has used.
  void on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out);

  /// Tells the same homes that a process is about to end in good order.
  void on_leaving(ProcessId who, Outbox& out);

  /// Home::unfinished() of those homes that have something to say.
  [[nodiscard]] std::vector<std::string> unfinished() const;

  /// Home::tell() of one of them.
  [[nodiscard]] ObjectFacts facts(const ObjectId& id) const;

  [[nodiscard]] std::size_t size() const { return objects_.size(); }
  [[nodiscard]] Home* find(const ObjectId& id);

 private:
  using Counts = std::unordered_map<ProcessId, std::int64_t>;
  struct Entry {
    std::unique_ptr<Home> home;
    Counts in_flight;               // by who counted them; without zeros
    Counts users;                   // the references that each holds
    std::size_t holders = 0;        // users with another number than zero
    std::optional<ProcessId> last;  // user to be noted
  };
  using Objects = std::unordered_map<ObjectId, Entry>;

  static void count_in_flight(Entry& entry, ProcessId who, std::int64_t by);
  void count_held(Objects::value_type& object, ProcessId who, std::int64_t by);
  void note_user(Objects::value_type& object, ProcessId who);
  void free_if_unused(Objects::iterator entry, Outbox& out);

  Factory factory_;
  Objects objects_;
  std::unordered_map<ProcessId, std::unordered_set<ObjectId>> used_;  // by those that live
};

}  // namespace mpx::detail
