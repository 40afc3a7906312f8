#include "transport/doorbells.hpp"

#include <sys/socket.h>

#include <array>
#include <exception>

#include "transport/mpi_check.hpp"
#include "transport/shared_memory.hpp"

namespace mpx::detail {
namespace {

constexpr int kFlagBytes = 64;  // a cache line each
constexpr std::array<std::byte, 1> kRing{};

using Flag = std::atomic_ref<std::uint32_t>;

}  // namespace

Doorbells::Doorbells(MPI_Comm communicator, const Places& places, const JobSecret& job)
    : self_(places.rank()),
      socket_(job, 'b', self_),
      peers_(static_cast<std::size_t>(places.size())) {
  const auto here = places.node_ranks().size();
  require_shared_memory(communicator, here > 1 ? here * kFlagBytes : 0);
  share_flags(places);
  const auto reached = places.neighbours();
  for (std::size_t rank = 0; rank < peers_.size(); ++rank) peers_[rank].in_reach = reached[rank];
  // Nobody rings before every bell hangs.
  check(MPI_Barrier(communicator), "MPI_Barrier");
}

Doorbells::~Doorbells() {
  // Freeing waits for the whole node, which an error on this rank alone would leave hanging.
  if (window_ != MPI_WIN_NULL && std::uncaught_exceptions() == 0) MPI_Win_free(&window_);
}

void Doorbells::share_flags(const Places& places) {
  void* own = nullptr;
  int made = MPI_Win_allocate_shared(kFlagBytes, 1, MPI_INFO_NULL, places.node(), &own, &window_) ==
                     MPI_SUCCESS
                 ? 1
                 : 0;
  check(MPI_Allreduce(MPI_IN_PLACE, &made, 1, MPI_INT, MPI_MIN, places.node()), "MPI_Allreduce");
  if (made == 0) {
    window_ = MPI_WIN_NULL;
    return;
  }
  *static_cast<std::uint32_t*>(own) = 0;
  int index = 0;
  for (const int rank : places.node_ranks()) {
    MPI_Aint bytes = 0;
    int unit = 0;
    void* flag = nullptr;
    check(MPI_Win_shared_query(window_, index++, &bytes, &unit, &flag), "MPI_Win_shared_query");
    peers_[static_cast<std::size_t>(rank)].asleep = static_cast<std::uint32_t*>(flag);
  }
}

void Doorbells::announce() {
  auto* flag = peers_[static_cast<std::size_t>(self_)].asleep;
  if (flag != nullptr) Flag(*flag).store(1, std::memory_order_seq_cst);
  fence();  // the flag is seen before the poll that follows looks for messages
}

void Doorbells::withdraw() {
  auto* flag = peers_[static_cast<std::size_t>(self_)].asleep;
  if (flag != nullptr) Flag(*flag).store(0, std::memory_order_relaxed);
  // Also when nobody took the flag: a bell rung for an earlier sleep may have come late.
  std::array<char, 8> datagram{};
  while (::recv(socket_.fd(), datagram.data(), datagram.size(), MSG_DONTWAIT) >= 0) {
  }
}

void Doorbells::ring_if_asleep(int rank) {
  const auto& peer = peers_[static_cast<std::size_t>(rank)];
  if (!peer.in_reach) return;
  if (peer.asleep != nullptr) {
    const Flag flag(*peer.asleep);
    if (flag.load(std::memory_order_relaxed) == 0) return;
    if (flag.exchange(0, std::memory_order_seq_cst) == 0) return;  // another rank rings it
    // A bell that cannot be rung now is rung at the next message, or poll, to that rank.
    if (!ring(rank)) flag.store(1, std::memory_order_seq_cst);
    return;
  }
  static_cast<void>(ring(rank));
}

bool Doorbells::ring(int rank) const {
  // A full socket is readable already, and one that is gone belongs to a rank that has ended.
  // Anyone on this machine may ring: what a false ring costs is one look.
  return socket_.send(rank, ByteView(kRing)) != NodeSocket::Sent::later;
}

}  // namespace mpx::detail
