#pragma once

#include <memory>
#include <utility>

#include "mpx/detail/named_core.hpp"
#include "mpx/detail/type_name.hpp"
#include "mpx/detail/word_core.hpp"
#include "mpx/duration.hpp"

namespace mpx {

/// A flag that processes wait for: multiprocessing.Event.
///
/// An Event is a handle: copies name the same event, and a copy sent to another process goes on
/// naming it.
///
/// Ordering:      what was written to Values before set() is seen by those whose wait() it ends. A
///                set() ends the wait of all who wait then, even if clear() follows at once.
/// Thread safety: all members, from any thread of any process.
/// Cost:          one atomic operation on the event's word, from a process by way of its rank; a
///                round trip to its home for who waits, and for a set() that ends waits.
class Event {
 public:
  /// Not set; made at first use, on the rank that uses it first.
  Event() : core_(detail::EventCore::make()) {}
  /// The event of that name in this job; see Named.
  explicit Event(const Named& name)
      : core_(detail::named_core<detail::EventCore>(name, detail::type_name<Event>(),
                                                    detail::EventCore::make)) {}

  void set() const { core_->set(); }
  void clear() const { core_->clear(); }
  [[nodiscard]] bool is_set() const { return core_->is_set(); }
  /// Blocks until it is set.
  void wait() const { static_cast<void>(core_->wait(detail::Deadline::never())); }
  /// As wait(), but at most `timeout`; whether it was set.
  [[nodiscard]] bool wait_for(Duration timeout) const {
    return core_->wait(detail::Deadline::after(timeout));
  }

  void mpx_save(detail::Writer& writer) const { core_->save(writer); }
  static Event mpx_load(detail::Reader& reader) { return Event(detail::EventCore::load(reader)); }

 private:
  explicit Event(std::shared_ptr<detail::EventCore> core) : core_(std::move(core)) {}

  std::shared_ptr<detail::EventCore> core_;
};

}  // namespace mpx
