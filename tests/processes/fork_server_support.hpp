#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "core/channel.hpp"
#include "processes/fork_server.hpp"

namespace mpx::detail::testing {

inline constexpr unsigned kTestSeconds = 60;
inline constexpr int kWaitMs = 20'000;

using Event = SpawnEvent;
using Type = Event::Type;

/// A fake rank's view of its fork server: keeps the events that nobody has asked for yet.
class Launcher {
 public:
  explicit Launcher(ChildMain child_main) : server(ForkServer::start(std::move(child_main))) {}

  /// Starts a child and returns the worker's side of its channel.
  Channel spawn(std::uint64_t serial, const SpawnOptions& options = {}) {
    auto [worker, fds] = Channel::create(4096, 4096);
    forker.spawn(serial, std::move(fds), options);
    return std::move(worker);
  }

  /// The next event of `type`, of `serial` if that is not 0; type server_died at a time-out too.
  Event next(Type type, std::uint64_t serial = 0) {
    for (;;) {
      for (auto at = events.begin(); at != events.end(); ++at) {
        if (at->type != type || (serial != 0 && at->serial != serial)) continue;
        const Event event = *at;
        events.erase(at);
        return event;
      }
      pollfd fd{forker.socket(), POLLIN, 0};
      if (::poll(&fd, 1, kWaitMs) <= 0) return {Type::server_died, 0, 0, -1};
      for (const Event& event : forker.poll()) events.push_back(event);
    }
  }

  std::unique_ptr<ForkServer> server;
  ForkServer& forker = *server;
  std::vector<Event> events;
};

/// Waits until the channel holds a byte, and takes it; -1 at the peer's end.
inline int take_byte(Channel& channel) {
  while (!channel.readable()) {
    channel.announce_sleep();
    pollfd fd{channel.socket(), POLLIN, 0};
    if (!channel.readable()) ::poll(&fd, 1, kWaitMs);
    channel.announce_awake();
    if (!channel.drain_doorbell() && !channel.readable()) return -1;
  }
  const auto byte = channel.peek()[0];
  channel.consume(1);
  return static_cast<int>(byte);
}

inline void give_byte(Channel& channel, int value) {
  const auto byte = static_cast<std::byte>(value);
  channel.write_some({&byte, 1});
  channel.ring_if_asleep();
}

/// Runs `body` in a forked process, as a rank, and returns its wait status.
inline int in_fake_rank(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(kTestSeconds);
    ::_exit(body());
  }
  int status = -1;
  ::waitpid(pid, &status, 0);
  return status;
}

/// Whether a process has ended, waiting for that until the time limit.
class Watch {
 public:
  explicit Watch(pid_t pid) : pid_(pid), fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool opened() const { return static_cast<bool>(fd_); }
  [[nodiscard]] bool ended_by(std::chrono::steady_clock::time_point time) const {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        time - std::chrono::steady_clock::now());
    pollfd fd{fd_.get(), POLLIN, 0};
    return ::poll(&fd, 1, std::max(0, static_cast<int>(left.count()))) == 1;
  }

 private:
  pid_t pid_;
  UniqueFd fd_;
};

/// Number of descriptors that this process has open.
inline int open_fds() {
  int count = 0;
  for (int fd = 0; fd < 4096; ++fd) count += ::fcntl(fd, F_GETFD) >= 0;
  return count;
}

}  // namespace mpx::detail::testing
