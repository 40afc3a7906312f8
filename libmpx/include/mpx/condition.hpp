#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "mpx/detail/condition_core.hpp"
#include "mpx/lock.hpp"

namespace mpx {

/// Waits, under a lock, for what another process changes under it: multiprocessing.Condition. It is
/// Lockable itself: `std::unique_lock guard(condition);`.
///
/// A Condition is a handle: copies name the same condition, and a copy sent to another process goes
/// on naming it. Several may share one lock.
///
/// Ordering:      waiters are notified in the order of their wait(), and then have the lock in turn
///                with those who ask for it. A notification that finds nobody is not remembered.
/// Thread safety: all members, from any thread of any process.
/// Failure:       if a process dies that holds the lock, all who wait are woken, since a
///                notification may have died with it: wait(pred) looks again, and abandoned() of the
///                lock is true. One that is notified and dies before it has the lock passes the
///                notification on.
/// Cost:          a round trip to the lock's home each for wait and notify.
class Condition
    : public detail::LockHandle<Condition, detail::ConditionCore, &detail::ConditionCore::lock,
                                &detail::ConditionCore::unlock> {
 public:
  /// Over a RecursiveLock of its own; made at first use, on the rank that uses it first.
  Condition() : Condition(RecursiveLock()) {}
  explicit Condition(const Lock& lock) : Condition(make(lock)) {}
  explicit Condition(const RecursiveLock& lock) : Condition(make(lock)) {}
  /// The condition of that name in this job; see Named.
  explicit Condition(const Named& name) : Condition(name, RecursiveLock()) {}
  Condition(const Named& name, const Lock& lock)
      : Condition(named(name, [&] { return make(lock); })) {}
  Condition(const Named& name, const RecursiveLock& lock)
      : Condition(named(name, [&] { return make(lock); })) {}

  /// Gives the lock back (a RecursiveLock fully), blocks until notified, and has the lock again, as
  /// often as before. Throws UsageError where the lock is not held: a Lock by this process, a
  /// RecursiveLock by this thread.
  void wait() const { static_cast<void>(core_->wait(detail::Deadline::never())); }
  /// As wait(), but false if nobody notifies for `timeout`. It has the lock again either way, and
  /// takes no notification from others then.
  [[nodiscard]] bool wait_for(Duration timeout) const {
    return core_->wait(detail::Deadline::after(timeout));
  }
  /// Waits until `pred()`, called with the lock held, is true.
  template <class Predicate>
  void wait(Predicate pred) const {
    while (!pred()) wait();
  }
  /// As wait(pred), but gives up after `timeout` in all: what pred() is then.
  template <class Predicate>
  [[nodiscard]] bool wait_for(Duration timeout, Predicate pred) const {
    const auto deadline = detail::Deadline::after(timeout);
    while (!pred()) {
      if (!core_->wait(deadline)) return pred();
    }
    return true;
  }

  /// Wakes the first who waits. Throws UsageError where the lock is not held, as wait().
  void notify_one() const { core_->notify(1); }
  /// Wakes the first `n` who wait.
  void notify(std::size_t n) const { core_->notify(n); }
  /// Wakes all who wait.
  void notify_all() const { core_->notify(static_cast<std::size_t>(-1)); }

 private:
  friend class detail::Handle<Condition, detail::ConditionCore>;
  explicit Condition(std::shared_ptr<detail::ConditionCore> core) : LockHandle(std::move(core)) {}
  static std::shared_ptr<detail::ConditionCore> make(const Lock& lock) {
    return std::make_shared<detail::ConditionCore>(detail::LockAccess::core(lock), false);
  }
  static std::shared_ptr<detail::ConditionCore> make(const RecursiveLock& lock) {
    return std::make_shared<detail::ConditionCore>(detail::LockAccess::core(lock), true);
  }
};

}  // namespace mpx
