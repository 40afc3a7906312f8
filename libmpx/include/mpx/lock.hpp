#pragma once

#include <memory>
#include <utility>

#include "mpx/detail/handle.hpp"
#include "mpx/detail/sync_core.hpp"

namespace mpx {

namespace detail {
struct LockAccess;
}

/// A mutual exclusion lock of the whole job: multiprocessing.Lock. TimedLockable, so
/// std::scoped_lock and std::unique_lock guard it.
///
/// A Lock is a handle: copies name the same lock, and a copy sent to another process goes on naming
/// it.
///
/// Ordering:      who must wait is served in the order of asking. What was written to Values before
///                unlock() is seen by the next holder.
/// Thread safety: all members; any process, and any thread, may unlock.
/// Failure:       if the holder's process dies, the next lock() gets the lock all the same, and
///                abandoned() is true until somebody calls clear_abandoned().
/// Cost:          uncontended, one atomic operation on the lock's word each for lock() and
///                unlock(), within a node by the processor, from another node a round trip to the
///                lock's home; contended, a round trip to the lock's home.
class Lock : public detail::LockHandle<Lock, detail::SyncCore, &detail::SyncCore::lock,
                                       &detail::SyncCore::unlock> {
 public:
  /// A free lock; made at first use, on the rank that uses it first.
  Lock() : Lock(detail::SyncCore::make_lock()) {}
  /// The lock of that name in this job; see Named.
  explicit Lock(const Named& name) : Lock(named(name, detail::SyncCore::make_lock)) {}

  /// Whether a process died while it held the lock, and nobody has cleared the mark since.
  [[nodiscard]] bool abandoned() const { return core_->abandoned(); }
  /// To be called by the holder that has put right what the dead one left.
  void clear_abandoned() const { core_->clear_abandoned(); }

 private:
  friend class detail::Handle<Lock, detail::SyncCore>;
  friend struct detail::LockAccess;
  explicit Lock(std::shared_ptr<detail::SyncCore> core) : LockHandle(std::move(core)) {}
};

/// A lock that its owner, a thread of a process, may take again: multiprocessing.RLock. Otherwise
/// as Lock.
///
/// Failure:       unlock() by anyone but the owner throws UsageError.
/// Cost:          taking it again costs nothing beyond a mutex of the process.
class RecursiveLock
    : public detail::LockHandle<RecursiveLock, detail::SyncCore, &detail::SyncCore::lock_recursive,
                                &detail::SyncCore::unlock_recursive> {
 public:
  RecursiveLock() : RecursiveLock(detail::SyncCore::make_lock()) {}
  /// The lock of that name in this job; see Named.
  explicit RecursiveLock(const Named& name)
      : RecursiveLock(named(name, detail::SyncCore::make_lock)) {}

  [[nodiscard]] bool abandoned() const { return core_->abandoned(); }
  void clear_abandoned() const { core_->clear_abandoned(); }

 private:
  friend class detail::Handle<RecursiveLock, detail::SyncCore>;
  friend struct detail::LockAccess;
  explicit RecursiveLock(std::shared_ptr<detail::SyncCore> core) : LockHandle(std::move(core)) {}
};

namespace detail {

/// For the objects that have a lock: the way between it and its core.
struct LockAccess {
  template <class AnyLock>
  static const std::shared_ptr<SyncCore>& core(const AnyLock& lock) {
    return lock.core_;
  }
  static RecursiveLock recursive(std::shared_ptr<SyncCore> core) {
    return RecursiveLock(std::move(core));
  }
};

}  // namespace detail

}  // namespace mpx
