#include "core/fd_passing.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "mpx/error.hpp"

namespace mpx::detail {

namespace {

[[noreturn]] void fail(const char* what) {
  throw TransportError(fmt::format("{}: {}", what, std::strerror(errno)));
}

std::vector<UniqueFd> take_fds(msghdr& message) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

std::pair<UniqueFd, UniqueFd> socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    throw LaunchError(fmt::format(
        "cannot make a socket pair between a rank and its processes: {} (for \"too many open "
        "files\" see ulimit -n)",
        std::strerror(errno)));
  }
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

FdMessage::FdMessage(iovec& part, std::span<const int> fds) {
  if (fds.size() > kMaxFds) {
    throw TransportError(fmt::format("{} file descriptors in one message: at most {} can be sent",
                                     fds.size(), kMaxFds));
  }
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (fds.empty()) return;
  header.msg_control = control_;
  header.msg_controllen = CMSG_SPACE(fds.size_bytes());
  cmsghdr* control = CMSG_FIRSTHDR(&header);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(control), fds.data(), fds.size_bytes());
}

bool send_fds(int socket, ByteView payload, std::span<const int> fds, SendMode mode) {
  iovec part{const_cast<std::byte*>(payload.data()), payload.size()};
  const FdMessage message(part, fds);
  const int flags = MSG_NOSIGNAL | (mode == SendMode::try_once ? MSG_DONTWAIT : 0);
  while (::sendmsg(socket, &message.header, flags) < 0) {
    if (errno == EINTR) continue;
    if (errno == EPIPE || errno == ECONNRESET) return false;
    if (errno == EAGAIN && mode == SendMode::try_once) return false;
    fail("cannot send to a process of this node");
  }
  return true;
}

ReceivedMessage recv_fds(int socket, std::span<std::byte> buffer) {
  iovec part{buffer.data(), buffer.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t length = 0;
  do {
    length = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (length < 0 && errno == EINTR);
  if (length < 0) {
    if (errno == EAGAIN) return {};
    // The peer ended with messages of ours unread; what it sent itself is still to come.
    if (errno == ECONNRESET) return recv_fds(socket, buffer);
    fail("cannot receive from a process of this node");
  }
  ReceivedMessage result;
  result.fds = take_fds(message);  // first, so that they are closed whatever follows
  result.fds_lost = (message.msg_flags & MSG_CTRUNC) != 0;
  if (message.msg_flags & MSG_TRUNC) {
    throw TransportError(fmt::format(
        "a message from a process of this node is longer than {} bytes", buffer.size()));
  }
  result.length = static_cast<std::size_t>(length);
  result.state = length == 0 ? ReceivedMessage::State::end : ReceivedMessage::State::message;
  return result;
}

}  // namespace mpx::detail
