#include "core/forks.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include "mpx/error.hpp"

namespace mpx::detail {

std::atomic<bool> forked_copy{false};

void watch_forks() {
  static const int registered = ::pthread_atfork(
      nullptr, nullptr, [] { forked_copy.store(true, std::memory_order_relaxed); });
  static_cast<void>(registered);
  forked_copy.store(false, std::memory_order_relaxed);
}

void require_no_copy() {
  if (!is_forked_copy()) return;
  throw UsageError(fmt::format(
      "libmpx is used in process {}, a copy that fork() made of one that uses libmpx: it "
      "is no process of the job, and cannot reach it; start an mpx::Process instead",
      ::getpid()));
}

}  // namespace mpx::detail
