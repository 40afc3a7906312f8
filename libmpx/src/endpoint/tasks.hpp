#pragma once

#include <deque>
#include <functional>
#include <thread>

#include "endpoint/context.hpp"

namespace mpx::detail {

/// Tasks of a process that run soon, without the mutex (callbacks of `then`, what holds objects that are to go):
/// by the thread that drives, when it has done its round, and where none does by the one that is there
/// for that.
///
/// Thread safety: all members under the client's mutex.
class Tasks {
 public:
  using Task = std::function<void()>;

  explicit Tasks(Context& context) : context_(context) {}
  Tasks(const Tasks&) = delete;
  Tasks& operator=(const Tasks&) = delete;

  /// Calls it, with or without the mutex; what it throws is logged and goes no further: the thread that
  /// happens to run it waits for something else.
  static void call(const Task& task) noexcept;

  void run_soon(Task task) MPX_REQUIRES(client_mutex);
  /// Runs all, and has let others have the mutex when it returns.
  void run() MPX_REQUIRES(client_mutex);
  [[nodiscard]] bool any() const MPX_REQUIRES(client_mutex) { return !soon_.empty(); }
  /// This thread calls run() whenever it has driven, and whenever the link is interrupted.
  void serve() MPX_REQUIRES(client_mutex) { thread_ = std::this_thread::get_id(); }
  /// Those that will not be run any more: to be destroyed without the mutex.
  std::deque<Task> take() MPX_REQUIRES(client_mutex) { return std::exchange(soon_, {}); }

 private:
  Context& context_;
  std::deque<Task> soon_ MPX_GUARDED_BY(client_mutex);
  std::thread::id thread_ MPX_GUARDED_BY(client_mutex);
};

}  // namespace mpx::detail
