#include "relay.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "refusal.hpp"

namespace mpx::runner {

Fd& Fd::operator=(Fd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

void Fd::close() noexcept {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Pipe::Pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw Refusal(1, fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  }
  reader = Fd(ends[0]);
  writer = Fd(ends[1]);
}

pollfd Relay::interest() const {
  if (!pending_.empty()) return {to_, POLLOUT, 0};
  return {ended_ ? -1 : from_, POLLIN, 0};
}

std::string Relay::step() {
  if (!pending_.empty()) {
    // A ready pipe takes PIPE_BUF bytes without blocking, whoever else writes to it.
    pollfd ready{to_, POLLOUT, 0};
    do {
      const auto size = ::write(to_, pending_.data() + written_,
                                std::min<std::size_t>(pending_.size() - written_, PIPE_BUF));
      if (size < 0 && errno != EAGAIN && errno != EINTR) failure_ = errno;
      if (size > 0) written_ += static_cast<std::size_t>(size);
      if (failure_ != 0 || written_ == pending_.size()) {
        pending_.clear();
        written_ = 0;
        return {};
      }
    } while (::poll(&ready, 1, 0) == 1);
    return {};
  }
  char buffer[16 * PIPE_BUF];
  const auto size = ::read(from_, buffer, sizeof buffer);
  if (size > 0) return {buffer, static_cast<std::size_t>(size)};
  if (size == 0 || (errno != EAGAIN && errno != EINTR)) ended_ = true;
  return {};
}

}  // namespace mpx::runner
