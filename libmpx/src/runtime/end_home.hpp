#pragma once

#include <deque>
#include <optional>

#include "runtime/home.hpp"

namespace mpx::detail {

/// Why nothing more will come from the other end of a pipe (header.status of
/// end_peer_gone/end_closed).
enum class EndGone : std::uint16_t { closed = 1, lost = 2 };

/// One end of a pipe: the messages sent to it that its receiver has not got yet.
///
/// Until a process receives from the end, messages wait here. From then on they are forwarded to
/// that process as they come; when another process starts to receive, the first gives back what it
/// has not consumed. The two ends live on one rank and tell each other when they are gone.
class EndHome : public Home {
 public:
  EndHome(const ObjectId& self, const ObjectId& peer) : self_(self), peer_(peer) {}

  void on(const FrameHeader& request, Payload payload, Outbox& out) override;
  void on_cancel(ProcessId from, std::uint64_t call, Outbox& out) override;
  void on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) override;
  void on_freed(Outbox& out) override;

 private:
  void bind(const FrameHeader& request, Outbox& out);
  void bind_next(Outbox& out);
  void unbind(ProcessId who, Outbox& out);
  void give_back(ProcessId from, Payload payload, Outbox& out);
  void forward(Payload payload, Outbox& out);
  void flush(Outbox& out);
  void tell_gone(Outbox& out);
  void answer_syncs(Outbox& out);

  ObjectId self_, peer_;
  std::deque<Payload> items_;             // not forwarded
  std::uint64_t item_bytes_ = 0;          // of items_
  std::uint64_t forwarded_bytes_ = 0;     // at receiver_ or recalling_, not known to be consumed
  std::optional<ProcessId> receiver_;     // forwarding to it
  std::optional<ProcessId> recalling_;    // asked to give back; its answer is awaited
  std::deque<FrameHeader> next_;          // will be the receiver then, in this order
  std::optional<ProcessId> last_sender_;  // last user of the other end
  std::optional<EndGone> gone_;           // the other end
  ProcessFacts lost_;
  std::deque<FrameHeader> syncs_;
};

/// Bytes that an end holds before its senders wait: 64 MiB.
inline constexpr std::uint64_t kEndBacklogBytes = std::uint64_t{64} << 20;

}  // namespace mpx::detail
