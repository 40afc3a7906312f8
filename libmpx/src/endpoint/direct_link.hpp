#pragma once

#include <thread>

#include "endpoint/client.hpp"
#include "runtime/runtime.hpp"

namespace mpx::detail {

/// The link of code that runs inside a rank: its runtime is called directly.
class DirectLink : public Link {
 public:
  explicit DirectLink(Runtime& runtime) : runtime_(runtime) {}

  void send(Frame frame) override MPX_REQUIRES(client_mutex) {
    require_thread();
    runtime_.route(std::move(frame));
  }
  void flush() override MPX_REQUIRES(client_mutex);
  void drive(ClientMutex& mutex, Deadline deadline) override MPX_REQUIRES(client_mutex);
  [[nodiscard]] std::chrono::steady_clock::time_point driven_since() const override
      MPX_REQUIRES(client_mutex) {
    return runtime_.asleep_since();
  }
  void leave() override MPX_REQUIRES(client_mutex);
  void interrupt() override MPX_REQUIRES(client_mutex) { runtime_.interrupt(); }
  [[nodiscard]] bool reaches(WordRef word) const override MPX_REQUIRES(client_mutex) {
    require_thread();
    return runtime_.words().reaches(word.home);
  }
  std::uint64_t work_on_word(const WordRequest& request) override MPX_REQUIRES(client_mutex) {
    return runtime_.words().perform(request);
  }

  /// From now on other threads get UsageError: below MPI_THREAD_SERIALIZED they may not call MPI.
  void keep_to_this_thread() { thread_ = std::this_thread::get_id(); }

  /// Somebody else drives while nobody waits (Background).
  void set_attended(bool attended) MPX_REQUIRES(client_mutex) { attended_ = attended; }
  /// Whether a thread of this process waits, and so drives.
  [[nodiscard]] bool held() const MPX_REQUIRES(client_mutex) { return held_; }
  /// Waits until nobody does, or `stop`.
  void park(ClientMutex& mutex, const bool& stop) MPX_REQUIRES(client_mutex);
  void unpark() { left_.notify_all(); }

 private:
  void require_thread() const {
    if (thread_ && *thread_ != std::this_thread::get_id()) refuse_thread();
  }
  [[noreturn]] static void refuse_thread();

  Runtime& runtime_;
  std::optional<std::thread::id> thread_;
  bool attended_ MPX_GUARDED_BY(client_mutex) = false;
  bool held_ MPX_GUARDED_BY(client_mutex) = false;
  bool parked_ MPX_GUARDED_BY(client_mutex) = false;
  ClientCondition left_;
};

/// Drives a rank's runtime while its own code computes: a thread that sleeps until something
/// happens.
class Background {
 public:
  Background(Client& client, Runtime& runtime, DirectLink& link);
  /// Stops the thread.
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

 private:
  void run();

  Client& client_;
  Runtime& runtime_;
  DirectLink& link_;
  ClientCondition stopped_;
  bool stop_ MPX_GUARDED_BY(client_mutex) = false;
  std::thread thread_;
};

}  // namespace mpx::detail
