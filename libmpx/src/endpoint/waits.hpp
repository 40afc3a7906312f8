#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "endpoint/context.hpp"
#include "endpoint/tasks.hpp"
#include "mpx/detail/deadline.hpp"
#include "wire/waits.hpp"

namespace mpx::detail {

/// How the threads of a process wait, and what is told of that.
///
/// Who waits drives: of the threads that wait, one drives the link, and hands over when its own wait is
/// done. No thread exists for this.
///
/// Thread safety: under the client's mutex, unless said otherwise; waits let others have it.
class Waits {
 public:
  Waits(Context& context, Tasks& tasks) : context_(context), tasks_(tasks) {}
  Waits(const Waits&) = delete;
  Waits& operator=(const Waits&) = delete;

  /// While it lives, this thread is known to wait, for what `purpose` says.
  class Waiting {
   public:
    Waiting(Waits& waits, const Purpose& purpose, Deadline deadline) MPX_REQUIRES(client_mutex);
    ~Waiting() MPX_REQUIRES(client_mutex);
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    friend class Waits;
    Waits& waits_;
    Purpose purpose_;
    bool endless_;
    std::uint64_t number_;
    std::thread::id thread_ = std::this_thread::get_id();
    int rounds_ = 0;
    std::chrono::steady_clock::time_point since_{};  // not known yet, in the first rounds
    Waiting* next_;
  };

  /// Blocks until `ready()`, called under the mutex, or the deadline; false then. Tries at least once.
  /// Throws UsageError if no call is served, or once that is so. A wait that ends at once costs no clock
  /// and no system call.
  template <class Ready>
  bool wait(Deadline deadline, const Purpose& purpose, Ready ready) MPX_REQUIRES(client_mutex) {
    look_in_passing();
    if (ready()) return true;
    Waiting waiting(*this, purpose, deadline);
    try {
      while (wait_once(deadline, &waiting) && !context_.ended() && !ready()) {
      }
      // What has come by the deadline counts, also where this process was stopped until long after it.
      if (!context_.driven() && !context_.ended() && !deadline.is_now() && !ready())
        wait_once(Deadline::now(), nullptr);
    } catch (...) {
      hand_over();
      throw;
    }
    hand_over();
    const bool is_ready = ready();
    if (!is_ready && context_.ended()) fail();
    return is_ready;
  }

  /// Takes in what has come, if no other thread does.
  void look() MPX_REQUIRES(client_mutex);
  /// As look(), where that is to be done in passing.
  void look_in_passing() MPX_REQUIRES(client_mutex) {
    if (in_passing_.load(std::memory_order_relaxed)) look();
  }
  /// From now on calls that are answered at once lend the link time too: where nobody else drives,
  /// a loop of such calls (try_get) would never see what comes from elsewhere. From any thread.
  void drive_in_passing() { in_passing_ = true; }

  /// Has other threads that wait look again; called by the driver.
  void wake() MPX_REQUIRES(client_mutex) {
    if (sleeping_ > 0) turn_.notify_all();
  }
  /// The same by a thread that does not drive: who does may sleep, and waits for what has changed, too.
  void wake_all() MPX_REQUIRES(client_mutex) {
    wake();
    if (context_.driven()) context_.link()->interrupt();
  }
  /// From now on calls and waits throw UsageError, those of other threads included: when this returns,
  /// no thread is in the link. Without the mutex.
  void end() MPX_EXCLUDES(client_mutex);

  /// The number of this process's wait, if it waits without a time limit, else 0; of several threads
  /// the last one's.
  [[nodiscard]] std::uint64_t endless_wait() const MPX_REQUIRES(client_mutex) {
    return first_ != nullptr && first_->endless_ ? first_->number_ : 0;
  }
  /// Rank 0 asks for all waits, in this round of questions.
  void tell(std::uint64_t round) MPX_REQUIRES(client_mutex);
  /// MPI has its threads by now. Which of the others are MPI's is seen by what they do: they sleep
  /// until something comes from outside, threads of the program wait for each other. Without the mutex.
  void note_threads() MPX_EXCLUDES(client_mutex);
  /// mpx has started a thread of its own. Without the mutex.
  void add_own_thread() MPX_EXCLUDES(client_mutex);

 private:
  bool wait_once(Deadline deadline, Waiting* waiting) MPX_REQUIRES(client_mutex);
  void hand_over() MPX_REQUIRES(client_mutex);
  [[nodiscard]] int service_threads() const MPX_REQUIRES(client_mutex);
  [[noreturn]] static void fail();

  Context& context_;
  Tasks& tasks_;
  ClientCondition turn_;  // to drive, or something was delivered
  std::atomic<bool> in_passing_ = false;
  int sleeping_ MPX_GUARDED_BY(client_mutex) = 0;          // threads, until it is their turn
  Waiting* first_ MPX_GUARDED_BY(client_mutex) = nullptr;  // the newest
  std::uint64_t next_number_ MPX_GUARDED_BY(client_mutex) = 1;
  int own_threads_ MPX_GUARDED_BY(client_mutex) = 0;
  // In /proc, when MPI had just started its own.
  std::vector<std::string> other_threads_ MPX_GUARDED_BY(client_mutex);
};

}  // namespace mpx::detail
