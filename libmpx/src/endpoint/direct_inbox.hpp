#pragma once

#include <functional>
#include <map>
#include <optional>

#include "core/direct_ring.hpp"

namespace mpx::detail {

/// The direct rings from which a process reads, and the one bell for all. Everything is called
/// under the client's mutex, but for waiting on bell().
class DirectInbox {
 public:
  /// Takes messages out of a ring; false if it has no room for them now.
  using Take = std::function<bool()>;

  /// A new ring, of which `take` is called when it has messages. Throws LaunchError.
  DirectRing& add(Take take);
  void remove(DirectRing& ring);

  /// Has messages taken; whether there were any.
  bool pump();

  /// −1 while there is no ring.
  [[nodiscard]] int bell() const { return rings_.empty() ? -1 : bell_->fd(); }
  /// Before a sleep; false if there is something to take.
  bool announce_sleep();
  void announce_awake();

 private:
  struct Entry {
    std::unique_ptr<DirectRing> ring;
    Take take;
  };
  std::map<DirectRing*, Entry> rings_;
  std::optional<DirectBell> bell_;
};

}  // namespace mpx::detail
