#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include "mpx/detail/named_core.hpp"
#include "mpx/detail/sync_core.hpp"
#include "mpx/detail/type_name.hpp"
#include "mpx/duration.hpp"

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
///                unlock(), from a process by way of its rank, and where the word is on another node
///                by a message and its answer; contended, a round trip to the lock's home.
class Lock {
 public:
  /// A free lock; made at first use, on the rank that uses it first.
  Lock() : core_(detail::SyncCore::make_lock()) {}
  /// The lock of that name in this job; see Named.
  explicit Lock(const Named& name)
      : core_(detail::named_core<detail::SyncCore>(name, detail::type_name<Lock>(),
                                                   detail::SyncCore::make_lock)) {}

  /// Takes the lock. Blocks until it is free.
  void lock() const { static_cast<void>(core_->lock(detail::Deadline::never())); }
  /// Takes the lock if it is free.
  [[nodiscard]] bool try_lock() const { return core_->lock(detail::Deadline::now()); }
  /// As lock(), but waits at most `timeout`.
  [[nodiscard]] bool try_lock_for(Duration timeout) const {
    return core_->lock(detail::Deadline::after(timeout));
  }
  /// As lock(), but gives up at `when`.
  template <class Clock, class Length>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Length>& when) const {
    return try_lock_for(detail::until(when));
  }
  /// Frees the lock, or hands it to the next who waits. Throws UsageError if it is free.
  void unlock() const { core_->unlock(); }

  /// Whether a process died while it held the lock, and nobody has cleared the mark since.
  [[nodiscard]] bool abandoned() const { return core_->abandoned(); }
  /// To be called by the holder that has put right what the dead one left.
  void clear_abandoned() const { core_->clear_abandoned(); }

  void mpx_save(detail::Writer& writer) const { core_->save(writer); }
  static Lock mpx_load(detail::Reader& reader) { return Lock(detail::SyncCore::load(reader)); }

 private:
  friend struct detail::LockAccess;
  explicit Lock(std::shared_ptr<detail::SyncCore> core) : core_(std::move(core)) {}

  std::shared_ptr<detail::SyncCore> core_;
};

/// A lock that its owner, a thread of a process, may take again: multiprocessing.RLock. Otherwise
/// as Lock.
///
/// Failure:       unlock() by anyone but the owner throws UsageError.
/// Cost:          taking it again costs nothing beyond a mutex of the process.
class RecursiveLock {
 public:
  RecursiveLock() : core_(detail::SyncCore::make_lock()) {}
  /// The lock of that name in this job; see Named.
  explicit RecursiveLock(const Named& name)
      : core_(detail::named_core<detail::SyncCore>(name, detail::type_name<RecursiveLock>(),
                                                   detail::SyncCore::make_lock)) {}

  void lock() const { static_cast<void>(core_->lock_recursive(detail::Deadline::never())); }
  [[nodiscard]] bool try_lock() const { return core_->lock_recursive(detail::Deadline::now()); }
  [[nodiscard]] bool try_lock_for(Duration timeout) const {
    return core_->lock_recursive(detail::Deadline::after(timeout));
  }
  template <class Clock, class Length>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Length>& when) const {
    return try_lock_for(detail::until(when));
  }
  void unlock() const { core_->unlock_recursive(); }
  [[nodiscard]] bool abandoned() const { return core_->abandoned(); }
  void clear_abandoned() const { core_->clear_abandoned(); }

  void mpx_save(detail::Writer& writer) const { core_->save(writer); }
  static RecursiveLock mpx_load(detail::Reader& reader) {
    return RecursiveLock(detail::SyncCore::load(reader));
  }

 private:
  friend struct detail::LockAccess;
  explicit RecursiveLock(std::shared_ptr<detail::SyncCore> core) : core_(std::move(core)) {}

  std::shared_ptr<detail::SyncCore> core_;
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
