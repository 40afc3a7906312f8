#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/fd_passing.hpp"
#include "core/unique_fd.hpp"

namespace mpx::detail {

/// What the ranks of a job know and nobody else does.
struct JobSecret {
  std::uint64_t name = 0;   ///< in the names of sockets, which all users of a machine can see
  std::uint64_t token = 0;  ///< in what is sent to them

  /// Collective.
  static JobSecret agree(MPI_Comm communicator);
};

/// A datagram socket of this rank, by which the other ranks of its node reach it: in the abstract
/// namespace, so that nothing is left of it.
///
/// Thread safety: as of the system calls.
class NodeSocket {
 public:
  /// `purpose`: a letter for the names of the sockets, the same on all ranks. Throws TransportError.
  NodeSocket(const JobSecret& job, char purpose, int rank);

  [[nodiscard]] int fd() const { return socket_.get(); }

  enum class Sent : std::uint8_t {
    yes,
    later,
    never
  };  ///< later: its queue is full, or a signal came
  /// Sends to the socket of that rank; never blocks. never: there is no such socket any more, or what
  /// is sent cannot be.
  [[nodiscard]] Sent send(int rank, ByteView bytes, std::span<const int> fds = {}) const;

 private:
  std::string prefix_;
  UniqueFd socket_;
};

}  // namespace mpx::detail
