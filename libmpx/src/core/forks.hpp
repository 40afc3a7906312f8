#pragma once

#include <atomic>

namespace mpx::detail {

extern std::atomic<bool> forked_copy;

/// This process has connections to the rest of the job from now on. Copies of it that fork() makes
/// have the memory of them all, and none of the threads: what is_forked_copy() tells of must leave
/// everything alone, mutexes included.
void watch_forks();

/// Whether this process was forked, by others than the fork server, from one that has called
/// watch_forks().
[[nodiscard]] inline bool is_forked_copy() noexcept {
  return forked_copy.load(std::memory_order_relaxed);
}

/// Throws UsageError in such a copy.
void require_no_copy();

}  // namespace mpx::detail
