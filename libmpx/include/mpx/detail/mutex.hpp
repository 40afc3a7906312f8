#pragma once

#include <mutex>

// What a mutex guards, for Clang's thread-safety analysis (-Wthread-safety, tests/rules/guarded.py).
// To other compilers it says nothing.
#if defined(__clang__)
#define MPX_ATTRIBUTE(x) __attribute__((x))
#else
#define MPX_ATTRIBUTE(x)
#endif
/// A member or variable that is touched only by who holds the mutex.
#define MPX_GUARDED_BY(mutex) MPX_ATTRIBUTE(guarded_by(mutex))
/// A function, or a lambda, that is called by who holds the mutex; by who does not.
#define MPX_REQUIRES(mutex) MPX_ATTRIBUTE(requires_capability(mutex))
#define MPX_EXCLUDES(mutex) MPX_ATTRIBUTE(locks_excluded(mutex))
/// For the classes of mutexes and locks themselves.
#define MPX_CAPABILITY MPX_ATTRIBUTE(capability("mutex"))
#define MPX_SCOPED MPX_ATTRIBUTE(scoped_lockable)
#define MPX_ACQUIRE(...) MPX_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define MPX_RELEASE(...) MPX_ATTRIBUTE(release_capability(__VA_ARGS__))
#define MPX_UNCHECKED MPX_ATTRIBUTE(no_thread_safety_analysis)

namespace mpx::detail {

/// A std::mutex of which the analysis knows.
class MPX_CAPABILITY Mutex {
 public:
  void lock() MPX_ACQUIRE() { mutex_.lock(); }
  void unlock() MPX_RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

/// Holds a Mutex as long as it lives, but for where it is unlocked. Costs what a std::unique_lock does.
class MPX_SCOPED MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) MPX_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() MPX_RELEASE() {
    if (held_) mutex_.unlock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void lock() MPX_ACQUIRE() {
    mutex_.lock();
    held_ = true;
  }
  void unlock() MPX_RELEASE() {
    held_ = false;
    mutex_.unlock();
  }

 private:
  Mutex& mutex_;
  bool held_ = true;
};

/// What annotations call the one mutex of a process's client (core/client_mutex.hpp), whichever object they
/// are in: the analysis compares mutexes by their names. Nothing at run time.
struct MPX_CAPABILITY ClientMutexName {};
inline constexpr ClientMutexName client_mutex{};

}  // namespace mpx::detail
