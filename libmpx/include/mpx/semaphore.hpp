#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>

#include "mpx/detail/handle.hpp"
#include "mpx/detail/word_core.hpp"

namespace mpx {

/// How a Semaphore or BoundedSemaphore is made.
struct SemaphoreOptions {
  /// Permits that a process holds at its end are given back. A process holds what it has acquired
  /// less what it has released: so only who has acquired a permit should release it.
  bool owned = false;
};

namespace detail {

/// What Semaphore and BoundedSemaphore have in common.
template <class Derived, bool bounded>
class SemaphoreHandle : public Handle<Derived, SemaphoreCore> {
 public:
  /// Takes a permit. Blocks until there is one.
  void acquire() const { static_cast<void>(this->core_->acquire(Deadline::never())); }
  /// Takes a permit if there is one.
  [[nodiscard]] bool try_acquire() const { return this->core_->acquire(Deadline::now()); }
  /// As acquire(), but waits at most `timeout`.
  [[nodiscard]] bool try_acquire_for(Duration timeout) const {
    return this->core_->acquire(Deadline::after(timeout));
  }
  /// As acquire(), but gives up at `when`.
  template <class Clock, class Length>
  [[nodiscard]] bool try_acquire_until(const std::chrono::time_point<Clock, Length>& when) const {
    return try_acquire_for(until(when));
  }
  /// Adds `n` permits, or hands them to those who wait. Throws UsageError if `n` is 0, and if a
  /// BoundedSemaphore would have more than at first.
  void release(std::size_t n = 1) const { this->core_->release(n); }
  /// Free permits; true at some moment of the call.
  [[nodiscard]] std::size_t value() const { return this->core_->value(); }

 protected:
  explicit SemaphoreHandle(std::shared_ptr<SemaphoreCore> core)
      : Handle<Derived, SemaphoreCore>(std::move(core)) {}
  SemaphoreHandle(std::size_t n, SemaphoreOptions options)
      : SemaphoreHandle(SemaphoreCore::make({n, bounded, options.owned})) {}
  SemaphoreHandle(const Named& name, std::size_t n, SemaphoreOptions options)
      : SemaphoreHandle(SemaphoreHandle::named(name, [&] {
          return SemaphoreCore::make({n, bounded, options.owned});
        })) {}
};

}  // namespace detail

/// A number of permits: multiprocessing.Semaphore. Any process may release, also one that has not
/// acquired: then there are more permits than before.
///
/// A Semaphore is a handle: copies name the same semaphore, and a copy sent to another process goes
/// on naming it.
///
/// Ordering:      who must wait is served in the order of asking. What was written to Values before
///                release() is seen by who acquires the permit.
/// Thread safety: all members, from any thread of any process.
/// Failure:       permits that a process held when it died are told in the log (warn), and lost; see
///                SemaphoreOptions::owned. No death makes a permit.
/// Cost:          as Lock; with SemaphoreOptions::owned a process asks its rank, which answers for it
///                when it dies.
class Semaphore : public detail::SemaphoreHandle<Semaphore, false> {
 public:
  /// Made at first use, on the rank that uses it first, with `n` permits.
  Semaphore(std::size_t n = 1)  // NOLINT: a number may stand for it, as in Python
      : SemaphoreHandle(n, {}) {}
  explicit Semaphore(std::size_t n, SemaphoreOptions options) : SemaphoreHandle(n, options) {}
  /// The semaphore of that name in this job; see Named.
  explicit Semaphore(const Named& name, std::size_t n = 1, SemaphoreOptions options = {})
      : SemaphoreHandle(name, n, options) {}

 private:
  friend class detail::Handle<Semaphore, detail::SemaphoreCore>;
  explicit Semaphore(std::shared_ptr<detail::SemaphoreCore> core)
      : SemaphoreHandle(std::move(core)) {}
};

/// A Semaphore that never has more permits than at first: multiprocessing.BoundedSemaphore. A
/// release() beyond that throws UsageError. Otherwise as Semaphore.
class BoundedSemaphore : public detail::SemaphoreHandle<BoundedSemaphore, true> {
 public:
  BoundedSemaphore(std::size_t n = 1)  // NOLINT: as Semaphore
      : SemaphoreHandle(n, {}) {}
  explicit BoundedSemaphore(std::size_t n, SemaphoreOptions options)
      : SemaphoreHandle(n, options) {}
  explicit BoundedSemaphore(const Named& name, std::size_t n = 1, SemaphoreOptions options = {})
      : SemaphoreHandle(name, n, options) {}

 private:
  friend class detail::Handle<BoundedSemaphore, detail::SemaphoreCore>;
  explicit BoundedSemaphore(std::shared_ptr<detail::SemaphoreCore> core)
      : SemaphoreHandle(std::move(core)) {}
};

}  // namespace mpx
