#pragma once

#include <atomic>

#include "mpx/detail/mutex.hpp"

namespace mpx::detail {

/// Runs something once, as std::call_once does; where it throws, the next caller tries. An exception
/// passes through std::call_once by way of C, which ThreadSanitizer does not see: those who wait then
/// wait for ever.
class Once {
 public:
  template <class F>
  void run(F&& make) {
    if (done_.load(std::memory_order_acquire)) return;
    const MutexLock lock(mutex_);
    if (done_.load(std::memory_order_relaxed)) return;
    make();
    done_.store(true, std::memory_order_release);
  }

 private:
  std::atomic<bool> done_ = false;
  Mutex mutex_;
};

}  // namespace mpx::detail
