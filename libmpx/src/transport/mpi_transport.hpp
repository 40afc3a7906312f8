#pragma once

#include <mpi.h>

#include <string>

#include "transport/batch.hpp"
#include "transport/doorbells.hpp"
#include "transport/inbox.hpp"
#include "transport/outbox.hpp"
#include "transport/places.hpp"
#include "transport/segment_post.hpp"
#include "transport/transport.hpp"

namespace mpx::detail {

/// Frames between ranks by MPI messages, on a communicator that nothing else receives on.
///
/// Cost:          a small frame alone adds about 0.2 µs to MPI's own one-way time; bodies over 4
///                KB are sent from and received into the frame itself; large ones that lie in a
///                segment go to a rank of this node without a copy, for some 5 µs.
class MpiTransport final : public Transport {
 public:
  /// Collective. `communicator` must return its errors and live longer than the transport.
  explicit MpiTransport(MPI_Comm communicator);

  [[nodiscard]] int rank() const override { return places_.rank(); }
  [[nodiscard]] int size() const override { return places_.size(); }
  [[nodiscard]] const std::string& host(int rank) const override { return places_.host(rank); }
  [[nodiscard]] bool same_node(int rank) const override { return places_.same_node(rank); }

  void send(int to, Frame frame) override;
  void flush() override { outbox_.flush(); }
  std::size_t poll(const Deliver& deliver) override;
  void drain() override;
  [[nodiscard]] bool busy() const override { return !outbox_.idle() || !inbox_.idle(); }

  void announce_sleep() override;
  void announce_awake() override;
  [[nodiscard]] int doorbell() const override { return doorbells_.fd(); }
  [[nodiscard]] bool needs_timer() const override { return needs_timer_; }
  void interrupt() override { doorbells_.interrupt(); }

 private:
  MPI_Comm communicator_;
  Places places_;
  JobSecret secret_;
  SegmentPost segments_;  // bound before anybody knows the name: doorbells_ ends with a barrier
  Doorbells doorbells_;
  BatchPool pool_;
  MpiOutbox outbox_;
  Inbox inbox_;
  bool needs_timer_ = false;
  bool announced_ = false;
  bool draining_ = false;
  bool looked_ = false;  // and found nothing, since the announcement
};

}  // namespace mpx::detail
