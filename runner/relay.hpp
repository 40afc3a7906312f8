#pragma once

#include <poll.h>

#include <string>
#include <string_view>
#include <utility>

namespace mpx::runner {

/// Owns a file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { close(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  void close() noexcept;

 private:
  int fd_ = -1;
};

/// Both ends of a pipe, closed on exec. Throws Refusal.
struct Pipe {
  Pipe();
  Fd reader;
  Fd writer;
};

/// Carries bytes from one descriptor to another without ever blocking: it reads only when all that
/// it read before is written. When it cannot write, the rest is dropped.
class Relay {
 public:
  Relay(int from, int to) : from_(from), to_(to) {}

  /// What to wait for next; fd -1 when there is nothing.
  [[nodiscard]] pollfd interest() const;

  /// Takes one step after poll() said that interest() is ready. What was read comes back and is
  /// the caller's to give to write().
  [[nodiscard]] std::string step();

  void write(std::string_view text) {
    if (failure_ == 0) pending_ += text;
  }

  /// The source has ended; what was read may still be pending.
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  [[nodiscard]] bool idle() const noexcept { return pending_.empty(); }
  /// Why it could not write (errno); 0: it could.
  [[nodiscard]] int failure() const noexcept { return failure_; }

 private:
  int from_;
  int to_;
  std::string pending_;  // from written_ on
  std::size_t written_ = 0;
  bool ended_ = false;
  int failure_ = 0;
};

}  // namespace mpx::runner
