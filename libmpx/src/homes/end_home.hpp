#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>

#include "homes/home.hpp"

namespace mpx::detail {

/// One end of a pipe: the messages sent to it that its receiver has not got yet.
///
/// Until a process receives from the end, messages wait here. From then on they are forwarded to
/// that process as they come; when another process starts to receive, the first gives back what it
/// has not consumed. A process of the same node that sends much to it is introduced to it, and from
/// then on writes to memory that both share; no message passes here then.
///
/// The two ends live on one rank and tell each other when they are gone, or when a process dies that
/// held one and has no successor there, for whoever receives from the other. Who sends to an end has
/// said so before (end_sync), and is told as well.
class EndHome : public Home {
 public:
  EndHome(const ObjectId& self, const ObjectId& peer) : self_(self), peer_(peer) {}

  void on(const FrameHeader& request, Payload payload, Outbox& out) override;
  void on_cancel(ProcessId from, std::uint64_t call, Outbox& out) override;
  void on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) override;
  void on_holder_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) override;
  void on_freed(Outbox& out) override;

 private:
  void bind(const FrameHeader& request, Outbox& out);
  void bind_next(Outbox& out);
  void unbind(const FrameHeader& request, Outbox& out);
  void give_back(ProcessId from, Payload payload, Outbox& out);
  void on_peer(EndGone what, const Payload& news, Outbox& out);
  void on_sync(const FrameHeader& request, Outbox& out);
  void on_send(const FrameHeader& request, Payload payload, Outbox& out);
  void switch_to_ring(std::uint64_t offer, Outbox& out);
  void offer_ring(ProcessId sender, const Payload& payload, Outbox& out);
  void end_ring();
  void recall(Outbox& out);
  void await_return();
  void forward(Payload payload, Outbox& out);
  void flush(Outbox& out);
  void tell_receiver(Outbox& out);
  void tell_sender(ProcessId sender, EndGone what, Outbox& out) const;
  void tell_peer(EndGone what, Outbox& out, ProcessId who = {}) const;
  void answer_syncs(Outbox& out);

  ObjectId self_, peer_;
  std::deque<Payload> items_;             // not forwarded
  std::uint64_t item_bytes_ = 0;          // of items_
  std::uint64_t forwarded_bytes_ = 0;     // at receiver_ or recalling_, not known to be consumed
  std::optional<ProcessId> receiver_;     // forwarding to it
  std::optional<ProcessId> recalling_;    // asked to give back; its answer is awaited
  std::deque<FrameHeader> next_;          // will be the receiver then, in this order
  std::optional<ProcessId> last_sender_;  // last user of the other end
  std::optional<ProcessFacts> died_;  // held it, and no one has sent since: told if it is closed
  EndGone gone_ = EndGone::no;        // the other end
  ProcessFacts lost_;                 // who held it
  std::optional<ProcessFacts> own_lost_;  // who held this one, until another receives from it
  std::set<ProcessId> senders_;           // to this end: users of the other one
  std::deque<FrameHeader> syncs_;

  // A direct ring from a sender to the receiver, both processes of one node.
  std::optional<ProcessId> direct_;  // to whom one was offered; until receiver_ changes
  std::uint64_t offer_ = 0;          // its number; 0 if there is none
  std::uint64_t next_offer_ = 1;
  std::optional<ProcessId> streak_sender_;  // who sent last,
  int streak_ = 0;                          // so often in a row
  std::uint64_t recalled_offer_ = 0;        // offer_ of recalling_
  std::optional<std::size_t> switch_at_;  // its switch has come: so many of items_ precede the ring
  std::map<std::uint64_t, std::deque<Payload>> strays_;  // of rings whose switch has not come yet
};

/// Messages in a row from one process after which it is offered a direct ring.
inline constexpr int kDirectStreak = 16;

/// Bytes that an end holds before its senders wait: 64 MiB.
inline constexpr std::uint64_t kEndBacklogBytes = std::uint64_t{64} << 20;

}  // namespace mpx::detail
