#include "transport/mpi_transport.hpp"

#include <utility>

#include "core/segments.hpp"
#include "mpx/error.hpp"
#include "transport/mpi_check.hpp"

namespace mpx::detail {

MpiTransport::MpiTransport(MPI_Comm communicator)
    : communicator_(communicator),
      places_(communicator),
      secret_(JobSecret::agree(communicator)),
      segments_(secret_, places_.rank(), places_.neighbours()),
      doorbells_(communicator, places_, secret_),
      outbox_(communicator, places_.size(), pool_, doorbells_, segments_),
      inbox_(communicator, places_.size(), pool_, doorbells_, segments_) {
  for (int rank = 0; rank < size(); ++rank) needs_timer_ |= !places_.within_ring(rank);
}

void MpiTransport::send(int to, Frame frame) {
  if (to < 0 || to >= size() || to == rank())
    throw TransportError("rank " + std::to_string(rank()) + " sends a frame to rank " +
                         std::to_string(to) + ", which is not another rank of this job");
  outbox_.send(to, std::move(frame));
}

std::size_t MpiTransport::poll(const Deliver& deliver) {
  outbox_.flush();
  outbox_.progress();
  const auto before = !announced_ ? Inbox::Before::another_poll
                      : looked_   ? Inbox::Before::sleep_on
                                  : Inbox::Before::sleep;
  const auto delivered = inbox_.poll(deliver, before);
  for (const auto& [from, size] : inbox_.take_given()) {
    if (draining_) continue;
    // Who sends large messages and gets none would need new memory for each.
    if (auto spare = spare_segment(size)) outbox_.send_spare(from, std::move(*spare));
  }
  looked_ = announced_ && delivered == 0 && !busy();  // the parts of a long body do not ring
  return delivered;
}

void MpiTransport::drain() {
  draining_ = true;  // what is sent from now on nobody expects
  outbox_.flush();
  std::uint64_t expected = 0;
  check(MPI_Reduce_scatter_block(outbox_.messages().data(), &expected, 1, MPI_UINT64_T, MPI_SUM,
                                 communicator_),
        "MPI_Reduce_scatter_block");
  while (inbox_.messages() < expected || busy()) poll([](Frame&&) {});
}

void MpiTransport::announce_sleep() {
  doorbells_.announce();
  announced_ = true;
  looked_ = false;
}

void MpiTransport::announce_awake() {
  announced_ = false;
  doorbells_.withdraw();
}

}  // namespace mpx::detail
