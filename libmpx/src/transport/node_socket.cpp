#include "transport/node_socket.hpp"

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "mpx/error.hpp"
#include "transport/mpi_check.hpp"

namespace mpx::detail {
namespace {

struct Address {
  sockaddr_un name{};
  socklen_t length = 0;

  Address(const std::string& prefix, int rank) {
    const auto text = prefix + std::to_string(rank);
    name.sun_family = AF_UNIX;  // sun_path[0] stays 0: a name without a file
    std::memcpy(name.sun_path + 1, text.data(), text.size());
    length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&name); }
};

[[noreturn]] void fail(const char* what) {
  throw TransportError(std::string(what) + ": " + std::generic_category().message(errno));
}

}  // namespace

JobSecret JobSecret::agree(MPI_Comm communicator) {
  int rank = 0;
  JobSecret secret;
  check(MPI_Comm_rank(communicator, &rank), "MPI_Comm_rank");
  if (rank == 0 && ::getrandom(&secret, sizeof secret, 0) != sizeof secret) fail("getrandom");
  check(MPI_Bcast(&secret, sizeof secret, MPI_BYTE, 0, communicator), "MPI_Bcast");
  return secret;
}

NodeSocket::NodeSocket(const JobSecret& job, char purpose, int rank)
    : prefix_("mpx-" + std::to_string(job.name) + purpose),
      socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  if (!socket_) fail("opening a socket for the ranks of this node");
  const Address address(prefix_, rank);
  if (::bind(fd(), address.get(), address.length) != 0)
    fail("binding a socket for the ranks of this node");
}

NodeSocket::Sent NodeSocket::send(int rank, ByteView bytes, std::span<const int> fds) const {
  const Address address(prefix_, rank);
  iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  FdMessage message(part, fds);
  message.header.msg_name = const_cast<sockaddr*>(address.get());
  message.header.msg_namelen = address.length;
  if (::sendmsg(fd(), &message.header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return Sent::yes;
  return errno == EAGAIN || errno == ENOBUFS || errno == EINTR ? Sent::later : Sent::never;
}

}  // namespace mpx::detail
