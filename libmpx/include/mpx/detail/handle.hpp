#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include "mpx/detail/named_core.hpp"
#include "mpx/detail/type_name.hpp"
#include "mpx/duration.hpp"

namespace mpx::detail {

/// What the handles of shared objects are: a pointer to the object's core, by which they travel.
template <class Derived, class CoreT>
class Handle {
 public:
  void mpx_save(Writer& writer) const { core_->save(writer); }
  static Derived mpx_load(Reader& reader) { return Derived(CoreT::load(reader)); }

 protected:
  explicit Handle(std::shared_ptr<CoreT> core) : core_(std::move(core)) {}

  /// The core of the object of that name in this job, which `make()` makes if it is the first.
  template <class Make>
  static std::shared_ptr<CoreT> named(const Named& name, Make make) {
    return named_core<CoreT>(name, type_name<Derived>(), make);
  }

  std::shared_ptr<CoreT> core_;
};

/// What locks have in common: they are TimedLockable. `kLock` and `kUnlock` are members of the core.
template <class Derived, class CoreT, auto kLock, auto kUnlock>
class LockHandle : public Handle<Derived, CoreT> {
 public:
  /// Takes the lock. Blocks until it is free.
  void lock() const { static_cast<void>(take(Deadline::never())); }
  /// Takes the lock if it is free.
  [[nodiscard]] bool try_lock() const { return take(Deadline::now()); }
  /// As lock(), but waits at most `timeout`.
  [[nodiscard]] bool try_lock_for(Duration timeout) const { return take(Deadline::after(timeout)); }
  /// As lock(), but gives up at `when`.
  template <class Clock, class Length>
  [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Length>& when) const {
    return try_lock_for(until(when));
  }
  /// Frees the lock, or hands it to the next who waits. Throws UsageError if it is free.
  void unlock() const { (*this->core_.*kUnlock)(); }

 protected:
  using Handle<Derived, CoreT>::Handle;

 private:
  [[nodiscard]] bool take(Deadline deadline) const { return (*this->core_.*kLock)(deadline); }
};

}  // namespace mpx::detail
