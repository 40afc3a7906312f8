#include "homes/end_home.hpp"

#include <algorithm>
#include <iterator>

#include "core/direct_ring.hpp"

namespace mpx::detail {

void EndHome::on(const FrameHeader& request, Payload payload, Outbox& out) {
  switch (request.kind) {
    case Kind::end_send:
      on_send(request, std::move(payload), out);
      break;
    case Kind::end_ring:
      if (direct_ && Unpacker(payload.bytes).get<std::uint64_t>() == offer_)
        out.deliver(Kind::end_direct, *direct_, peer_, 0, std::move(payload));
      break;
    case Kind::end_bind:
      bind(request, out);
      break;
    case Kind::end_unbind:
      unbind(request, out);
      break;
    case Kind::end_ack:
      forwarded_bytes_ -= std::min(forwarded_bytes_, Unpacker(payload.bytes).get<std::uint64_t>());
      answer_syncs(out);
      break;
    case Kind::end_sync:
      on_sync(request, out);
      break;
    case Kind::end_fate:
      out.reply(request, Status::ok, Packer::pack(gone_, lost_));
      break;
    case Kind::end_return:
      give_back(request.from, std::move(payload), out);
      break;
    case Kind::end_peer_gone:
      on_peer(static_cast<EndGone>(request.status), payload, out);
      break;
    default:
      refuse_kind(request, payload, out);
  }
}

void EndHome::on_peer(EndGone what, const Payload& news, Outbox& out) {
  auto [facts, who] = Unpacker::unpack<ProcessFacts, ProcessId>(news.bytes);
  if (gone_ == EndGone::closed || (gone_ == EndGone::no && what == EndGone::no)) return;
  // That all copies are closed says less than that a process has died which used one.
  if (gone_ == EndGone::lost && what == EndGone::closed) return;
  if (what == EndGone::lost && last_sender_ && *last_sender_ != who) {
    died_ =
        std::move(facts);  // another one uses that end: unless nothing more comes from it either
    return;
  }
  if (what == EndGone::closed && died_) {
    what = EndGone::lost;
    facts = *died_;
  }
  gone_ = what;
  lost_ = std::move(facts);
  if (receiver_) tell_receiver(out);
}

void EndHome::on_sync(const FrameHeader& request, Outbox& out) {
  if (senders_.insert(request.from).second && own_lost_)
    tell_sender(request.from, EndGone::lost, out);
  syncs_.push_back(request);
  answer_syncs(out);
}

void EndHome::on_send(const FrameHeader& request, Payload payload, Outbox& out) {
  const auto route = static_cast<EndRoute>(request.status);
  if (route == EndRoute::to_ring) return switch_to_ring(request.call, out);
  last_sender_ = request.from;
  died_.reset();
  if (gone_ == EndGone::lost) gone_ = EndGone::no;  // a new user of that end
  if (route == EndRoute::ring_ended && request.call == offer_) end_ring();
  offer_ring(request.from, payload, out);
  forward(std::move(payload), out);
}

/// What the sender writes to its ring comes behind what it has sent here so far. Meanwhile the ring
/// may have ended, and what was in it come back.
void EndHome::switch_to_ring(std::uint64_t offer, Outbox& out) {
  if (receiver_ && offer == offer_) {
    out.deliver(Kind::end_item, *receiver_, self_, static_cast<std::uint16_t>(EndRoute::to_ring),
                {});
  } else if (const auto strays = strays_.extract(offer)) {
    for (auto& stray : strays.mapped()) forward(std::move(stray), out);
  } else if (recalling_ && offer == recalled_offer_) {
    switch_at_ = items_.size();
  }
}

void EndHome::offer_ring(ProcessId sender, const Payload& payload, Outbox& out) {
  if (direct_) return;
  const bool fits = receiver_ && !receiver_->is_rank() && !sender.is_rank() &&
                    payload.handles.empty() && payload.bytes.size() <= DirectRing::kMostBytes;
  if (!fits || streak_sender_ != sender) streak_ = 0;
  streak_sender_ = sender;
  if (!fits || ++streak_ < kDirectStreak) return;
  direct_ = sender;
  offer_ = next_offer_++;
  out.deliver(Kind::end_offer, *receiver_, self_, 0, {Packer::pack(offer_), {}});
}

void EndHome::end_ring() {
  direct_.reset();
  offer_ = 0;
  streak_ = 0;
}

void EndHome::forward(Payload payload, Outbox& out) {
  if (receiver_) {
    forwarded_bytes_ += payload.bytes.size();
    out.deliver(Kind::end_item, *receiver_, self_, 0, std::move(payload));
  } else {
    item_bytes_ += payload.bytes.size();
    items_.push_back(std::move(payload));
  }
}

void EndHome::bind(const FrameHeader& request, Outbox& out) {
  if (receiver_ == request.from) return out.reply(request, Status::ok);
  next_.push_back(request);
  if (!recalling_ && !receiver_) return bind_next(out);
  // Its turn comes when the one before has given back, who may compute for hours.
  out.reply(request, Status::no);
  next_.back().call = 0;
  if (receiver_) recall(out);
}

/// Asks the receiver to give back what it has not consumed.
void EndHome::recall(Outbox& out) {
  out.deliver(Kind::end_recall, *receiver_, self_, 0, {});
  await_return();
}

/// The receiver will give back the rest. It closes its direct ring, which the sender finds out.
void EndHome::await_return() {
  recalling_ = std::exchange(receiver_, std::nullopt);
  recalled_offer_ = offer_;
  end_ring();
}

/// Whoever gives up its handle gives back what it has not consumed, after the answer, as what was
/// forwarded meanwhile must come back too. If it has been asked already, it does it once for both.
void EndHome::unbind(const FrameHeader& request, Outbox& out) {
  std::erase_if(next_, [&](const FrameHeader& bind) { return bind.from == request.from; });
  if (receiver_ == request.from) await_return();
  out.reply(request, Status::ok);
}

/// Serves the first who asked; whoever asked behind it makes it give back at once.
void EndHome::bind_next(Outbox& out) {
  if (next_.empty()) return;
  const auto request = next_.front();
  next_.pop_front();
  receiver_ = request.from;
  if (std::exchange(own_lost_, std::nullopt)) {  // it takes the place of who died
    for (const auto sender : senders_) tell_sender(sender, EndGone::no, out);
    tell_peer(EndGone::no, out);
  }
  flush(out);
  out.reply(request, Status::ok);
  if (!next_.empty()) recall(out);
}

// What a former receiver had not consumed goes before what came meanwhile; what it had from a
// direct ring, and could not place, where the ring's sender has said.
void EndHome::give_back(ProcessId from, Payload payload, Outbox& out) {
  Unpacker in(payload.bytes);
  std::size_t handle = 0;
  const auto unpack = [&] {
    std::deque<Payload> items;
    for (auto left = in.get<std::uint64_t>(); left > 0; --left) {
      const auto handles = in.get<std::uint32_t>();
      const auto bytes = in.view();
      Payload item{Bytes(bytes.begin(), bytes.end()), {}};
      for (std::uint32_t h = 0; h < handles && handle < payload.handles.size(); ++h)
        item.handles.push_back(payload.handles[handle++]);
      items.push_back(std::move(item));
    }
    return items;
  };
  const auto insert = [&](std::deque<Payload> items, std::size_t at) {
    if (items.empty()) return;
    for (const auto& item : items) item_bytes_ += item.bytes.size();
    items_.insert(items_.begin() + static_cast<std::ptrdiff_t>(at),
                  std::move_iterator(items.begin()), std::move_iterator(items.end()));
  };
  auto returned = unpack();
  auto strays = unpack();
  if (switch_at_) {
    insert(std::move(strays), *switch_at_);
  } else if (!strays.empty()) {
    strays_[recalled_offer_] = std::move(strays);
  }
  insert(std::move(returned), 0);
  if (recalling_ != from) {  // it was no receiver any more
    if (receiver_) flush(out);
    return;
  }
  forwarded_bytes_ = 0;  // what it has consumed and not acknowledged
  recalling_.reset();
  switch_at_.reset();
  bind_next(out);
  answer_syncs(out);
}

void EndHome::flush(Outbox& out) {
  for (auto& item : items_) out.deliver(Kind::end_item, *receiver_, self_, 0, std::move(item));
  items_.clear();
  forwarded_bytes_ += std::exchange(item_bytes_, 0);
  if (gone_ != EndGone::no) tell_receiver(out);
}

void EndHome::tell_receiver(Outbox& out) {
  out.deliver(Kind::end_closed, *receiver_, self_, static_cast<std::uint16_t>(gone_),
              Payload{Packer::pack(lost_), {}});
}

/// At its own end.
void EndHome::tell_sender(ProcessId sender, EndGone what, Outbox& out) const {
  out.deliver(Kind::end_unread, sender, peer_, static_cast<std::uint16_t>(what),
              Payload{Packer::pack(own_lost_.value_or(ProcessFacts{})), {}});
}

void EndHome::tell_peer(EndGone what, Outbox& out, ProcessId who) const {
  auto header = to_home(Kind::end_peer_gone, peer_);
  header.status = static_cast<std::uint16_t>(what);
  out.send(make_frame(header, {Packer::pack(own_lost_.value_or(ProcessFacts{}), who), {}}));
}

void EndHome::answer_syncs(Outbox& out) {
  while (!syncs_.empty() && item_bytes_ + forwarded_bytes_ <= kEndBacklogBytes) {
    out.reply(syncs_.front(), Status::ok);
    syncs_.pop_front();
  }
}

void EndHome::on_cancel(ProcessId from, std::uint64_t call, Outbox& out) {
  const auto found = std::find_if(syncs_.begin(), syncs_.end(), [&](const auto& sync) {
    return sync.from == from && sync.call == call;
  });
  if (found == syncs_.end()) return;
  out.reply(*found, Status::no);
  syncs_.erase(found);
}

// A process that ended in good order has only given up its copy. One that died is told at the other
// end, whether it had used its copy or not, and whoever else holds one, unless that one uses it.
void EndHome::on_holder_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) {
  if (facts.exit_code == 0 || (receiver_ && *receiver_ != who)) return;
  own_lost_ = facts;
  tell_peer(EndGone::lost, out, who);
  for (const auto sender : senders_) {
    if (sender != who) tell_sender(sender, EndGone::lost, out);
  }
}

void EndHome::on_ended(ProcessId who, const ProcessFacts& /*facts*/, Outbox& out) {
  senders_.erase(who);
  std::erase_if(syncs_, [&](const auto& sync) { return sync.from == who; });
  if (receiver_ == who ||
      recalling_ == who) {  // what it had received and not consumed is lost with it
    forwarded_bytes_ = 0;
    answer_syncs(out);
  }
  if (receiver_ == who) {
    receiver_.reset();
    if (direct_) out.deliver(Kind::end_direct, *direct_, peer_, 0, {});
    end_ring();
  }
  std::erase_if(next_, [&](const FrameHeader& request) { return request.from == who; });
  if (recalling_ == who) {
    recalling_.reset();
    switch_at_.reset();
    bind_next(out);
  }
  if (direct_ == who) end_ring();
}

void EndHome::on_freed(Outbox& out) {
  for (const auto& item : items_) out.drop(item);  // those of rings have no handles
  tell_peer(EndGone::closed, out);
  for (const auto& sync : syncs_) out.reply(sync, Status::closed);
  for (const auto sender : senders_) tell_sender(sender, EndGone::closed, out);
}

}  // namespace mpx::detail
