#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "mpx/detail/mutex.hpp"

namespace mpx::detail {

/// The mutex of a process's client. Annotations name it `client_mutex`, wherever they are. A function that
/// lets others have it for a while is given this object and MPX_REQUIRES(client_mutex): no lock is
/// handed around.
class ClientMutex {
 public:
  // MPX_UNCHECKED, here and below: what stands behind the name is a std::mutex, of which the analysis
  // does not know.
  void lock() MPX_ACQUIRE(client_mutex) MPX_UNCHECKED { mutex_.lock(); }
  void unlock() MPX_RELEASE(client_mutex) MPX_UNCHECKED { mutex_.unlock(); }

 private:
  friend class ClientCondition;
  std::mutex mutex_;
};

/// Holds the mutex as long as it lives, but for where it is unlocked.
class MPX_SCOPED ClientLock {
 public:
  explicit ClientLock(ClientMutex& mutex) MPX_ACQUIRE(client_mutex) : mutex_(mutex) {
    mutex_.lock();
  }
  ~ClientLock() MPX_RELEASE() {
    if (held_) mutex_.unlock();
  }
  ClientLock(const ClientLock&) = delete;
  ClientLock& operator=(const ClientLock&) = delete;

  void lock() MPX_ACQUIRE() MPX_UNCHECKED {
    mutex_.lock();
    held_ = true;
  }
  void unlock() MPX_RELEASE() MPX_UNCHECKED {
    held_ = false;
    mutex_.unlock();
  }

 private:
  ClientMutex& mutex_;
  bool held_ = true;
};

/// Lets others have the mutex as long as it lives.
class MPX_SCOPED ClientUnlock {
 public:
  explicit ClientUnlock(ClientMutex& mutex) MPX_RELEASE(client_mutex) : mutex_(mutex) {
    mutex_.unlock();
  }
  ~ClientUnlock() MPX_RELEASE() { mutex_.lock(); }
  ClientUnlock(const ClientUnlock&) = delete;
  ClientUnlock& operator=(const ClientUnlock&) = delete;

 private:
  ClientMutex& mutex_;
};

/// A std::condition_variable for who holds the mutex. A wait may end without a notification.
class ClientCondition {
 public:
  void wait(ClientMutex& mutex) MPX_REQUIRES(client_mutex) {
    Borrowed lock(mutex);
    condition_.wait(lock.native);
  }
  void wait_until(ClientMutex& mutex, std::chrono::steady_clock::time_point when)
      MPX_REQUIRES(client_mutex) {
    Borrowed lock(mutex);
    condition_.wait_until(lock.native, when);
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  struct Borrowed {
    explicit Borrowed(ClientMutex& mutex) : native(mutex.mutex_, std::adopt_lock) {}
    ~Borrowed() { static_cast<void>(native.release()); }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    std::unique_lock<std::mutex> native;
  };
  std::condition_variable condition_;
};

}  // namespace mpx::detail
