#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "core/unique_fd.hpp"
#include "mpx/detail/payload.hpp"

namespace mpx::detail {

inline constexpr std::size_t kMaxFds = 8;

/// A message of sendmsg that carries copies of `fds` (at most kMaxFds) beside the bytes in `part`, which
/// stays the caller's. Throws TransportError.
class FdMessage {
 public:
  FdMessage(iovec& part, std::span<const int> fds);
  FdMessage(const FdMessage&) = delete;
  FdMessage& operator=(const FdMessage&) = delete;

  msghdr header{};

 private:
  // Aligned as cmsghdr must be.
  alignas(cmsghdr) char control_[CMSG_SPACE(kMaxFds * sizeof(int))] = {};
};

/// A connected pair of close-on-exec sockets that keep message boundaries. Throws LaunchError.
std::pair<UniqueFd, UniqueFd> socket_pair();

/// Whether a send waits for room in the socket.
enum class SendMode { wait, try_once };

/// Sends one message with copies of `fds` (at most kMaxFds). Returns false if the other end is
/// closed or, with try_once, if the socket is full. Throws TransportError on any other failure.
bool send_fds(int socket, ByteView payload, std::span<const int> fds,
              SendMode mode = SendMode::wait);

/// What one receive brought.
struct ReceivedMessage {
  enum class State { message, nothing_yet, end };
  State state = State::nothing_yet;
  std::size_t length = 0;     ///< bytes placed in the buffer
  std::vector<UniqueFd> fds;  ///< close-on-exec
  bool fds_lost = false;      ///< this process had no room left for some (ulimit -n)
};

/// Receives one message into `buffer`; never blocks. Throws TransportError if the message is longer
/// than `buffer` or on any failure but the end of the peer.
ReceivedMessage recv_fds(int socket, std::span<std::byte> buffer);

}  // namespace mpx::detail
