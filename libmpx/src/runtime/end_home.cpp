#include "runtime/end_home.hpp"

#include <algorithm>

namespace mpx::detail {

void EndHome::on(const FrameHeader& request, Payload payload, Outbox& out) {
  switch (request.kind) {
    case Kind::end_send:
      last_sender_ = request.from;
      if (gone_ == EndGone::lost) gone_.reset();  // a new user of that end
      forward(std::move(payload), out);
      break;
    case Kind::end_bind:
      bind(request, out);
      break;
    case Kind::end_unbind:
      unbind(request.from, out);
      break;
    case Kind::end_ack:
      forwarded_bytes_ -= std::min(forwarded_bytes_, Unpacker(payload.bytes).get<std::uint64_t>());
      answer_syncs(out);
      break;
    case Kind::end_sync:
      last_sender_ = request.from;
      syncs_.push_back(request);
      answer_syncs(out);
      break;
    case Kind::end_return:
      give_back(request.from, std::move(payload), out);
      break;
    case Kind::end_peer_gone:
      if (gone_ == EndGone::closed) break;
      gone_ = static_cast<EndGone>(request.status);
      if (gone_ == EndGone::lost) lost_ = Unpacker(payload.bytes).get<ProcessFacts>();
      if (receiver_) tell_gone(out);
      break;
    default:
      out.drop(payload);
      out.reply(request, Status::usage,
                Packer::pack(std::string("not an operation of a Connection")));
  }
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
  if (recalling_) return;
  if (receiver_) {
    out.deliver(Kind::end_recall, *receiver_, self_, 0, {});
    recalling_ = receiver_;
    receiver_.reset();
    return;
  }
  bind_next(out);
}

/// Whoever gives up its handle gives back what it has not consumed; it is asked, as what was
/// forwarded meanwhile must come back too. If it has been asked already, that will do.
void EndHome::unbind(ProcessId who, Outbox& out) {
  if (recalling_ == who) return;
  std::erase_if(next_, [&](const FrameHeader& request) {
    if (request.from != who) return false;
    out.reply(request, Status::ok);
    return true;
  });
  out.deliver(Kind::end_recall, who, self_, 0, {});
  if (receiver_ == who) recalling_ = std::exchange(receiver_, std::nullopt);
}

/// Serves the first who asked; whoever asked behind it makes it give back at once.
void EndHome::bind_next(Outbox& out) {
  if (next_.empty()) return;
  const auto request = next_.front();
  next_.pop_front();
  receiver_ = request.from;
  flush(out);
  out.reply(request, Status::ok);
  if (next_.empty()) return;
  out.deliver(Kind::end_recall, *receiver_, self_, 0, {});
  recalling_ = std::exchange(receiver_, std::nullopt);
}

// What a former receiver had not consumed goes before what came meanwhile.
void EndHome::give_back(ProcessId from, Payload payload, Outbox& out) {
  Unpacker in(payload.bytes);
  const auto count = in.get<std::uint64_t>();
  std::deque<Payload> returned;
  std::size_t handle = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto handles = in.get<std::uint32_t>();
    Payload item;
    const auto bytes = in.view();
    item.bytes.assign(bytes.begin(), bytes.end());
    for (std::uint32_t h = 0; h < handles && handle < payload.handles.size(); ++h) {
      item.handles.push_back(payload.handles[handle++]);
    }
    item_bytes_ += item.bytes.size();
    returned.push_back(std::move(item));
  }
  std::move(returned.rbegin(), returned.rend(), std::front_inserter(items_));
  if (recalling_ != from) return;  // it was no receiver any more
  forwarded_bytes_ = 0;            // what it has consumed and not acknowledged
  recalling_.reset();
  bind_next(out);
  answer_syncs(out);
}

void EndHome::flush(Outbox& out) {
  for (auto& item : items_) out.deliver(Kind::end_item, *receiver_, self_, 0, std::move(item));
  items_.clear();
  forwarded_bytes_ += std::exchange(item_bytes_, 0);
  if (gone_) tell_gone(out);
}

void EndHome::tell_gone(Outbox& out) {
  out.deliver(Kind::end_closed, *receiver_, self_, static_cast<std::uint16_t>(*gone_),
              Payload{Packer::pack(lost_), {}});
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

void EndHome::on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) {
  std::erase_if(syncs_, [&](const auto& sync) { return sync.from == who; });
  if (receiver_ == who ||
      recalling_ == who) {  // what it had received and not consumed is lost with it
    forwarded_bytes_ = 0;
    answer_syncs(out);
  }
  if (receiver_ == who) receiver_.reset();
  std::erase_if(next_, [&](const FrameHeader& request) { return request.from == who; });
  if (recalling_ == who) {
    recalling_.reset();
    bind_next(out);
  }
  // A process that ended in good order has only given up its copies; one that died is told to the
  // receiver even where copies of that end are held elsewhere.
  if (last_sender_ == who && facts.exit_code != 0 && !gone_) {
    gone_ = EndGone::lost;
    lost_ = facts;
    if (receiver_) tell_gone(out);
  }
}

void EndHome::on_freed(Outbox& out) {
  for (const auto& item : items_) out.drop(item);
  FrameHeader header;
  header.kind = Kind::end_peer_gone;
  header.status = static_cast<std::uint16_t>(EndGone::closed);
  header.object = peer_;
  out.send(make_frame(header, {}));
  for (const auto& sync : syncs_) out.reply(sync, Status::closed);
  // Whoever goes on sending here is told at its own end.
  if (last_sender_) {
    out.deliver(Kind::end_closed, *last_sender_, peer_, static_cast<std::uint16_t>(EndGone::closed),
                {});
  }
}

}  // namespace mpx::detail
