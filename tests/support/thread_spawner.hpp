#pragma once

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "mpx/error.hpp"
#include "process/child.hpp"
#include "processes/spawner.hpp"

namespace mpx::detail {

/// The fork server's twin for tests: its processes are threads of this one. SIGKILL and SIGTERM cut a
/// thread's stream, as the death of a process does: the next time that it sends or waits, it ends, by an
/// exception that its code should let through. Other signals do nothing. Processes have no
/// surroundings, and ask their rank for words.
class ThreadSpawner final : public Spawner {
 public:
  ~ThreadSpawner() override {
    for (auto& [serial, thread] : threads_) thread->end(SIGKILL);
    for (auto& [serial, thread] : threads_) thread->thread.join();
  }

  void spawn(std::uint64_t serial, ChannelFds fds, const SpawnOptions& /*options*/) override {
    auto& thread = threads_[serial] = std::make_unique<Thread>();
    thread->socket = UniqueFd(::fcntl(fds.socket.get(), F_DUPFD_CLOEXEC, 0));
    tell({SpawnEvent::Type::started, serial, ::getpid(), 0});
    thread->thread = std::thread([this, serial, &its = *thread, fds = std::move(fds)]() mutable {
      const int status = run(its, {serial, Channel(Channel::Side::child, std::move(fds)), nullptr});
      tell({SpawnEvent::Type::exited, serial, ::getpid(), status});
    });
  }
  void share(const SharedWords* /*words*/) override {}
  void signal(std::uint64_t serial, int signo) override {
    const auto found = threads_.find(serial);
    if (found != threads_.end() && (signo == SIGKILL || signo == SIGTERM))
      found->second->end(signo);
    tell({SpawnEvent::Type::signalled, serial, 0, 0});
  }
  [[nodiscard]] int socket() const override { return bell_.get(); }
  std::vector<SpawnEvent> poll() override {
    const std::lock_guard guard(mutex_);
    eventfd_t rung = 0;
    static_cast<void>(::eventfd_read(bell_.get(), &rung));
    return std::exchange(events_, {});
  }

  /// Kills one of its processes, if there is one, as from outside.
  void kill_one(std::mt19937& random) {
    const std::lock_guard guard(mutex_);
    if (running_.empty()) return;
    auto at = running_.begin();
    std::advance(at, static_cast<int>(random() % running_.size()));
    (*at)->end(SIGKILL);
  }

 private:
  struct Killed : TransportError {
    Killed() : TransportError("this process has been killed") {}
  };
  struct Thread {
    void end(int signo) {
      int none = 0;
      if (by.compare_exchange_strong(none, signo)) ::shutdown(socket.get(), SHUT_RDWR);
    }
    std::thread thread;
    UniqueFd socket;  // the end of its channel
    std::atomic<int> by = 0;
  };

  int run(Thread& thread, Birth birth) {
    {
      const std::lock_guard guard(mutex_);
      running_.push_back(&thread);
    }
    int status = 0;
    try {
      Child child(std::move(birth), [] { throw Killed(); });
      Client::set_current_of_thread(child.client());
      try {
        status = child.call();
      } catch (const Killed&) {
        throw;
      } catch (...) {
        status = child.report(std::current_exception());
      }
      child.finish();
      Client::set_current_of_thread(nullptr);
      status <<= 8;
    } catch (const Killed&) {
      Client::set_current_of_thread(nullptr);
      status = thread.by;
    }
    const std::lock_guard guard(mutex_);
    std::erase(running_, &thread);
    return status;
  }

  void tell(SpawnEvent event) {
    const std::lock_guard guard(mutex_);
    events_.push_back(event);
    ::eventfd_write(bell_.get(), 1);
  }

  UniqueFd bell_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::map<std::uint64_t, std::unique_ptr<Thread>> threads_;
  std::mutex mutex_;
  std::vector<SpawnEvent> events_;  // guarded by mutex_
  std::vector<Thread*> running_;    // guarded by mutex_
};

}  // namespace mpx::detail
