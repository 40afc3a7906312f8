#include "runtime/queue_home.hpp"

#include <algorithm>

namespace mpx::detail {
namespace {

constexpr std::uint32_t kAlone = 16;  // gets in a row by one process before it is handed ahead
constexpr std::size_t kAheadBytes = 32768;  // handed ahead at once, at most
constexpr auto kNobody = ProcessId::from_value(~std::uint64_t{0});

}  // namespace

void QueueHome::on(const FrameHeader& request, Payload payload, Outbox& out) {
  switch (request.kind) {
    case Kind::queue_put:
      return put(request, std::move(payload), true, out);
    case Kind::queue_try_put:
      return put(request, std::move(payload), false, out);
    case Kind::queue_get:
      return get(request, payload, true, out);
    case Kind::queue_try_get:
      return get(request, payload, false, out);
    case Kind::queue_info:
      return info(request, out);
    case Kind::queue_close:
      return close(request, out);
    case Kind::recalled:
      return on_recalled(request.from, Unpacker(payload.bytes).get<std::uint32_t>(), out);
    case Kind::left: {
      auto& hand = hands_[request.from];
      const auto taken = Unpacker(payload.bytes).get<std::uint32_t>() - hand.taken;
      on_recalled(request.from, hand.items.size() - std::min<std::size_t>(taken, hand.items.size()),
                  out);
      // A later user in the same process counts from 0.
      std::erase_if(hands_, [&](const auto& entry) {
        return entry.first == request.from && entry.second.items.empty();
      });
      return;
    }
    default:
      out.drop(payload);
      out.reply(request, Status::usage, Packer::pack(std::string("not an operation of a Queue")));
  }
}

std::size_t QueueHome::Hand::ahead() const {
  return static_cast<std::size_t>(std::count_if(
      items.begin(), items.end(), [](const HandedItem& handed) { return !handed.answer; }));
}

std::size_t QueueHome::size() const {
  auto size = items_.size();
  for (const auto& [who, hand] : hands_) size += hand.ahead();
  return size;
}

bool QueueHome::has_room() const {
  if (capacity_ != 0 && size() >= capacity_) return false;
  return bytes_ < budget_bytes_ || items_.empty();
}

void QueueHome::accept(Payload value) {
  bytes_ += value.bytes.size();
  items_.push_back({next_sequence_++, std::move(value)});
}

void QueueHome::put(const FrameHeader& request, Payload payload, bool waits, Outbox& out) {
  if (closed_) {
    out.drop(payload);
    if (request.call != 0) {
      out.reply(request, Status::closed);
    } else {
      out.deliver(Kind::reply, request.from, self_, static_cast<std::uint16_t>(Status::closed), {});
    }
    return;
  }
  if (request.call == 0) {
    accept(std::move(payload));  // its sender counts what it sends without asking
  } else {
    putters_.push_back({request, std::move(payload), waits});
  }
  serve(out);
}

void QueueHome::get(const FrameHeader& request, const Payload& payload, bool waits, Outbox& out) {
  const auto [want, slot, taken] =
      Unpacker::unpack<std::uint32_t, std::uint16_t, std::uint32_t>(payload.bytes);
  auto& hand = hands_[request.from];
  hand.slot = slot;
  forget_taken(hand, std::min<std::size_t>(taken - hand.taken, hand.items.size()));
  hand.taken = taken;
  gets_in_a_row_ = request.from == last_getter_ ? gets_in_a_row_ + 1 : 0;
  last_getter_ = request.from;
  getters_.push_back({request, want, slot, waits});
  serve(out);
}

/// The first `count` items of what was handed out have been taken.
void QueueHome::forget_taken(Hand& hand, std::size_t count) {
  for (; count > 0; --count, ++hand.taken) hand.items.pop_front();
}

/// Asks for what was handed ahead to others than `than`; true if an answer is awaited.
bool QueueHome::recall_others(ProcessId than, Outbox& out) {
  bool waits = false;
  for (auto& [who, hand] : hands_) {
    if (who == than || (hand.ahead() == 0 && !hand.recalling)) continue;
    waits = true;
    if (std::exchange(hand.recalling, true)) continue;
    out.deliver(Kind::recall, who, self_, hand.slot, {});
  }
  return waits;
}

void QueueHome::serve_putters(Outbox& out) {
  while (!putters_.empty()) {
    auto& putter = putters_.front();
    if (has_room()) {
      accept(std::move(putter.value));
      out.reply(putter.request, Status::ok);
    } else if (recall_others(kNobody, out)) {
      return;  // what was handed out may have been taken meanwhile: then there is room
    } else {
      // Whoever only tries is told, also behind one that waits.
      std::erase_if(putters_, [&](const Putter& other) {
        if (other.waits) return false;
        out.drop(other.value);
        out.reply(other.request, Status::no);
        return true;
      });
      return;
    }
    putters_.pop_front();
  }
}

void QueueHome::serve(Outbox& out) {
  while (true) {
    serve_putters(out);
    if (getters_.empty()) break;
    const auto getter = getters_.front();
    if (hands_[getter.request.from].recalling) break;
    if (recall_others(getter.request.from, out)) break;
    if (!items_.empty()) {
      getters_.pop_front();
      hand(getter, out);
    } else if (closed_ && putters_.empty()) {
      out.reply(getter.request, Status::closed);
      getters_.pop_front();
    } else if (!getter.waits) {
      out.reply(getter.request, Status::no);
      getters_.pop_front();
    } else {
      // Behind a waiting getter there may be one that only tries: nothing is there for it either.
      std::erase_if(getters_, [&](const Getter& other) {
        if (!other.waits) out.reply(other.request, Status::no);
        return !other.waits;
      });
      break;
    }
  }
  if (infos_.empty() || recall_others(kNobody, out)) return;
  for (const auto& request : infos_) {
    out.reply(request, Status::ok,
              Packer::pack(std::uint64_t{size()}, std::uint64_t{capacity_}, std::uint8_t{closed_}));
  }
  infos_.clear();
}

void QueueHome::hand(const Getter& getter, Outbox& out) {
  auto& hand = hands_[getter.request.from];
  const bool alone =
      capacity_ == 0 && getters_.empty() && gets_in_a_row_ >= kAlone && getter.slot != kNoClaimSlot;
  const std::size_t most = alone ? std::max<std::uint32_t>(getter.want, 1) : 1;
  Packer packer;
  std::vector<Reference> handles;
  std::size_t count = 0, bytes = 0;
  while (count < most && !items_.empty() && (count == 0 || bytes < kAheadBytes)) {
    auto item = std::move(items_.front());
    items_.pop_front();
    bytes_ -= item.value.bytes.size();
    bytes += item.value.bytes.size();
    packer.put(static_cast<std::uint32_t>(item.value.handles.size()));
    packer.put(item.value.bytes);
    handles.insert(handles.end(), item.value.handles.begin(), item.value.handles.end());
    // Items that came alone to a process without a claim slot can't be taken back: not recorded.
    if (getter.slot != kNoClaimSlot) hand.items.push_back({std::move(item), count == 0});
    ++count;
  }
  FrameHeader header;
  header.kind = Kind::queue_items;
  header.status = getter.slot;
  header.to = getter.request.from;
  header.object = self_;
  header.call = getter.request.call;
  Packer body;
  body.put(ClaimStamp{getter.slot, 0, 0, static_cast<std::uint32_t>(count)});
  auto units = std::move(packer).take();
  body.put_raw(units.data(), units.size());
  out.send(make_frame(header, Payload{std::move(body).take(), std::move(handles)}));
}

/// The last `units` of what `from` was handed come back; the others it has taken.
void QueueHome::on_recalled(ProcessId from, std::size_t units, Outbox& out) {
  auto& hand = hands_[from];
  const auto back = std::min(units, hand.items.size());
  forget_taken(hand, hand.items.size() - back);
  for (auto& [item, answer] : hand.items) {
    const auto place = std::find_if(
        items_.begin(), items_.end(),
        [sequence = item.sequence](const Item& other) { return other.sequence > sequence; });
    bytes_ += item.value.bytes.size();
    items_.insert(place, std::move(item));
  }
  hand.items.clear();
  hand.recalling = false;
  serve(out);
}

void QueueHome::info(const FrameHeader& request, Outbox& out) {
  infos_.push_back(request);
  serve(out);
}

void QueueHome::close(const FrameHeader& request, Outbox& out) {
  closed_ = true;
  for (auto& putter : putters_) {
    out.drop(putter.value);
    out.reply(putter.request, Status::closed);
  }
  putters_.clear();
  out.reply(request, Status::ok);
  serve(out);
}

void QueueHome::on_cancel(ProcessId from, std::uint64_t call, Outbox& out) {
  const auto is_it = [&](const auto& waiter) {
    return waiter.request.from == from && waiter.request.call == call;
  };
  if (const auto found = std::find_if(getters_.begin(), getters_.end(), is_it);
      found != getters_.end()) {
    out.reply(found->request, Status::no);
    getters_.erase(found);
  } else if (const auto putter = std::find_if(putters_.begin(), putters_.end(), is_it);
             putter != putters_.end()) {
    out.drop(putter->value);
    out.reply(putter->request, Status::no);
    putters_.erase(putter);
  } else if (const auto hand = hands_.find(from); hand != hands_.end()) {
    // The answer is on its way to somebody who no longer waits for it.
    for (auto& handed : hand->second.items) handed.answer = false;
  }
  serve(out);
}

// What it had been handed while it lived has come back or been booked as taken (Kind::left); what
// it was handed later has not reached it.
void QueueHome::on_ended(ProcessId who, const ProcessFacts& /*facts*/, Outbox& out) {
  std::erase_if(getters_, [&](const Getter& getter) { return getter.request.from == who; });
  std::erase_if(infos_, [&](const FrameHeader& request) { return request.from == who; });
  // What a dead process was putting counts as put: its worker had accepted it.
  for (auto& putter : putters_) {
    if (putter.request.from == who) putter.request.call = 0;
  }
  if (const auto hand = hands_.find(who); hand != hands_.end()) {
    on_recalled(who, hand->second.items.size(), out);
    hands_.erase(who);
  }
  serve(out);
}

void QueueHome::on_freed(Outbox& out) {
  for (const auto& item : items_) out.drop(item.value);
  for (const auto& putter : putters_) {
    out.drop(putter.value);
    out.reply(putter.request, Status::closed);
  }
  for (const auto& getter : getters_) out.reply(getter.request, Status::closed);
}

}  // namespace mpx::detail
