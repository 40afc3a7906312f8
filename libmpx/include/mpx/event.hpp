#pragma once

#include <memory>
#include <utility>

#include "mpx/detail/handle.hpp"
#include "mpx/detail/word_core.hpp"

namespace mpx {

/// A flag that processes wait for: multiprocessing.Event.
///
/// An Event is a handle: copies name the same event, and a copy sent to another process goes on
/// naming it.
///
/// Ordering:      what was written to Values before set() is seen by those whose wait() it ends. A
///                set() ends the wait of all who wait then, even if clear() follows at once.
/// Thread safety: all members, from any thread of any process.
/// Cost:          one atomic operation on the event's word, within a node by the processor; a round
///                trip to its home for who waits, for a set() that ends waits, and from another node.
class Event : public detail::Handle<Event, detail::EventCore> {
 public:
  /// Not set; made at first use, on the rank that uses it first.
  Event() : Event(detail::EventCore::make()) {}
  /// The event of that name in this job; see Named.
  explicit Event(const Named& name) : Event(named(name, detail::EventCore::make)) {}

  void set() const { core_->set(); }
  void clear() const { core_->clear(); }
  [[nodiscard]] bool is_set() const { return core_->is_set(); }
  /// Blocks until it is set.
  void wait() const { static_cast<void>(core_->wait(detail::Deadline::never())); }
  /// As wait(), but at most `timeout`; whether it was set.
  [[nodiscard]] bool wait_for(Duration timeout) const {
    return core_->wait(detail::Deadline::after(timeout));
  }

 private:
  friend class detail::Handle<Event, detail::EventCore>;
  explicit Event(std::shared_ptr<detail::EventCore> core) : Handle(std::move(core)) {}
};

}  // namespace mpx
