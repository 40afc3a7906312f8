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
/// only the homes of what it has used are told, however many there are, and before them the
/// well-known objects, in the order in which they were added. Nobody holds those; they are there
/// until the table is gone, and all others before them.
class HomeTable {
 public:
  /// Makes the home of a new object; the answer to `request` (if it is not null) is the factory's.
  using Factory =
      std::function<std::unique_ptr<Home>(const FrameHeader& request, Payload arguments, Outbox&)>;

  explicit HomeTable(Factory factory) : factory_(std::move(factory)) {}

  /// Adds the home of a well-known object. There are few.
  template <class T>
  T& add(const ObjectId& id, std::unique_ptr<T> home) {
    auto& added = *home;
    well_known_.emplace_back(id, std::move(home));
    return added;
  }

  /// Handles a frame of a kind for homes.
  void on(Frame frame, Outbox& out);

  /// Drops all references of a process that has ended and tells the homes of what it has used.
  void on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out);

  /// Home::unfinished() of those homes that have something to say.
  [[nodiscard]] std::vector<std::string> unfinished() const;

  /// Home::tell() of one of them.
  [[nodiscard]] ObjectFacts facts(const ObjectId& id) const;

  /// How many there are, without well-known ones.
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
  void create(Frame frame, Outbox& out);
  void on_well_known(Frame frame, Outbox& out);
  static void refuse_missing(Frame frame, Outbox& out);
  static void handle(Home& home, Frame frame, Outbox& out);

  Factory factory_;
  std::vector<std::pair<ObjectId, std::unique_ptr<Home>>>
      well_known_;  // others use them: last to go
  Objects objects_;
  std::unordered_map<ProcessId, std::unordered_set<ObjectId>> used_;  // by those that live
};

}  // namespace mpx::detail
