#pragma once

#include <mpi.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "transport/node_socket.hpp"
#include "transport/places.hpp"

namespace mpx::detail {

/// Wakes sleeping ranks of one node: a datagram socket each, in the abstract namespace, and a flag
/// in the node's shared memory that says whether its rank sleeps, so that nobody rings in vain.
///
/// Ordering:      a message sent before ring_if_asleep() is found by the poll after announce(), or
///                the bell rings.
/// Thread safety: interrupt() from any thread.
/// Failure:       without shared memory every ring is sent.
class Doorbells {
 public:
  /// Collective over `communicator`.
  Doorbells(MPI_Comm communicator, const Places& places, const JobSecret& job);
  Doorbells(const Doorbells&) = delete;
  Doorbells& operator=(const Doorbells&) = delete;
  /// Collective over the node.
  ~Doorbells();

  /// Becomes readable when this rank is rung.
  [[nodiscard]] int fd() const { return socket_.fd(); }

  void announce();
  void withdraw();

  /// Rings `rank` if it has announced sleep; the message that it shall find must have been sent,
  /// and fence() called since. Ranks out of reach are ignored.
  void ring_if_asleep(int rank);
  static void fence() { std::atomic_thread_fence(std::memory_order_seq_cst); }

  /// Makes fd() readable.
  void interrupt() const { ring(self_); }

 private:
  struct Peer {
    std::uint32_t* asleep = nullptr;  // in shared memory
    bool in_reach = false;
  };
  void share_flags(const Places& places);
  /// False if it must be tried again.
  bool ring(int rank) const;

  int self_ = 0;
  NodeSocket socket_;
  MPI_Win window_ = MPI_WIN_NULL;
  std::vector<Peer> peers_;
};

}  // namespace mpx::detail
