#include "homes/queue_home.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/log.hpp"

namespace mpx::detail {
namespace {

constexpr std::uint32_t kAlone = 16;  // gets in a row by one process before it is handed ahead
constexpr std::size_t kAheadBytes = 32768;  // handed ahead at once, at most
constexpr std::size_t kBlockBytes = 8192;   // items are put side by side up to here
constexpr auto kNobody = ProcessId::from_value(~std::uint64_t{0});

}  // namespace

void QueueHome::on(const FrameHeader& request, Payload payload, Outbox& out) {
  switch (request.kind) {
    case Kind::queue_put:
      return put(request, std::move(payload), true, out);
    case Kind::queue_try_put:
      return put(request, std::move(payload), false, out);
    case Kind::queue_puts:
      return put_several(request, std::move(payload), out);
    case Kind::queue_sync:
      return sync(request, out);
    case Kind::queue_reserve:
      return reserve(request, out);
    case Kind::queue_unreserve:
      if (unreserve(request.from)) serve(out);
      return;
    case Kind::queue_give_up:
      return give_up(request.from, out);
    case Kind::queue_unget:
      return unget(std::move(payload), out);
    case Kind::queue_flush:
      return flush(request, out);
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
    case Kind::left:
      return on_left(request.from, payload, out);
    default:
      refuse_kind(request, payload, out);
  }
}

std::size_t QueueHome::Hand::size() const {
  std::size_t size = 0;
  for (const auto& handed : blocks) size += handed.stored.items.size();
  return size;
}

std::size_t QueueHome::Hand::ahead() const {
  std::size_t size = 0;
  for (const auto& handed : blocks) size += handed.answer ? 0 : handed.stored.items.size();
  return size;
}

bool QueueHome::has_room() const {
  if (capacity_ != 0 && size() + reserved_.size() >= capacity_) return false;
  return bytes_ < budget_bytes_ || count_ == 0;
}

void QueueHome::accept(Payload&& value) {
  const auto size = value.bytes.size();
  if (size >= kLargeBytes) {
    items_.push_back(
        {next_sequence_, ItemBlock(Large(std::move(value.bytes)), std::move(value.handles))});
  } else {
    const bool joins = !items_.empty() && items_.back().items.item_bytes() < kBlockBytes &&
                       size < kBlockBytes &&
                       items_.back().first + items_.back().items.size() == next_sequence_;
    if (!joins) items_.push_back({next_sequence_, {}});
    items_.back().items.push_back(value.bytes, value.handles);
  }
  bytes_ += size;
  ++count_;
  ++next_sequence_;
}

QueueHome::Stored QueueHome::take_front(std::size_t most, std::size_t most_bytes) {
  auto& front = items_.front();
  Stored taken{front.first, front.items.split_front(most, most_bytes)};
  front.first += taken.items.size();
  if (front.items.empty()) items_.pop_front();
  bytes_ -= taken.items.item_bytes();
  count_ -= taken.items.size();
  return taken;
}

void QueueHome::put_back(Stored stored) {
  bytes_ += stored.items.item_bytes();
  count_ += stored.items.size();
  const auto place = std::upper_bound(
      items_.begin(), items_.end(), stored.first,
      [](std::uint64_t first, const Stored& other) { return first < other.first; });
  items_.insert(place, std::move(stored));
}

/// Who wants no answer is told when it asks (flush), or nobody but the log when it has ended.
void QueueHome::refuse(const FrameHeader& request, const Payload& payload, std::uint64_t items,
                       Outbox& out) {
  out.drop(payload);
  if (request.call != 0) return out.reply(request, Status::closed);
  refused_[request.from] += items;
}

void QueueHome::flush(const FrameHeader& request, Outbox& out) {
  std::uint64_t refused = 0;
  if (const auto found = refused_.extract(request.from)) refused = found.mapped();
  out.reply(request, Status::ok, Packer::pack(refused));
}

void QueueHome::put(const FrameHeader& request, Payload payload, bool waits, Outbox& out) {
  // Room that was kept is there after close(), too: the put had succeeded before.
  const bool reserved =
      request.status == static_cast<std::uint16_t>(PutRoute::reserved) && unreserve(request.from);
  if (closed_ && !reserved) return refuse(request, payload, 1, out);
  if (request.call == 0 || reserved) {
    // Its sender counts what it sends without asking, or has asked before.
    accept(std::move(payload));
    out.reply(request, Status::ok);
  } else {
    putters_.push_back({request, std::move(payload), waits, false});
    putters_try_ |= !waits;
  }
  serve(out);
}

void QueueHome::reserve(const FrameHeader& request, Outbox& out) {
  if (closed_) return out.reply(request, Status::closed);
  putters_.push_back({request, {}, true, true});
  serve(out);
}

bool QueueHome::unreserve(ProcessId who) {
  const auto found = reserved_.find(who);
  if (found == reserved_.end()) return false;
  reserved_.erase(found);
  return true;
}

/// What answers its get may be on its way, and may be taken back from now on, as if it had been
/// handed ahead.
void QueueHome::give_up(ProcessId who, Outbox& out) {
  const auto hand = hands_.find(who);
  if (hand == hands_.end()) return;
  for (auto& handed : hand->second.blocks) handed.answer = false;
  note(who, hand->second);
  serve(out);
}

/// It was the first when it was handed.
void QueueHome::unget(Payload payload, Outbox& out) {
  Stored stored{items_.empty() ? next_sequence_++ : items_.front().first - 1, {}};
  if (payload.bytes.size() >= kLargeBytes) {
    stored.items = ItemBlock(Large(std::move(payload.bytes)), std::move(payload.handles));
  } else {
    stored.items.push_back(payload.bytes, payload.handles);
  }
  put_back(std::move(stored));
  serve(out);
}

void QueueHome::sync(const FrameHeader& request, Outbox& out) {
  if (closed_) return out.reply(request, Status::closed);
  syncs_.push_back(request);
  serve(out);
}

/// As many puts that want no answer.
void QueueHome::put_several(const FrameHeader& request, Payload payload, Outbox& out) {
  if (closed_) {
    const ItemBlock items(std::move(payload.bytes), std::move(payload.handles));
    return refuse(request, {{}, items.handles()}, items.size(), out);
  }
  Stored stored{next_sequence_, ItemBlock(std::move(payload.bytes), std::move(payload.handles))};
  if (stored.items.empty()) return;
  next_sequence_ += stored.items.size();
  put_back(std::move(stored));
  serve(out);
}

void QueueHome::get(const FrameHeader& request, const Payload& payload, bool waits, Outbox& out) {
  const auto [want, slot, taken] =
      Unpacker::unpack<std::uint32_t, std::uint16_t, std::uint32_t>(payload.bytes);
  auto& hand = hands_[request.from];
  hand.slot = slot;
  forget_taken(hand, std::min<std::size_t>(taken - hand.taken, hand.size()));
  hand.taken = taken;
  note(request.from, hand);
  gets_in_a_row_ = request.from == last_getter_ ? gets_in_a_row_ + 1 : 0;
  last_getter_ = request.from;
  getters_.push_back({request, want, slot, waits});
  getters_try_ |= !waits;
  serve(out);
}

/// The first `count` items of what was handed out have been taken.
void QueueHome::forget_taken(Hand& hand, std::size_t count) {
  for (; count > 0; --count, ++hand.taken) {
    auto& front = hand.blocks.front();
    front.stored.items.drop_front();
    ++front.stored.first;
    if (front.stored.items.empty()) hand.blocks.pop_front();
  }
}

void QueueHome::note(ProcessId who, Hand& hand) {
  const auto ahead = hand.ahead();
  ahead_ += ahead - std::exchange(hand.counted, ahead);
  if (ahead != 0 || hand.recalling) {
    holding_.insert(who);
  } else {
    holding_.erase(who);
  }
}

/// Asks for what was handed ahead to others than `than`; true if an answer is awaited.
bool QueueHome::recall_others(ProcessId than, Outbox& out) {
  bool waits = false;
  for (const auto who : holding_) {
    if (who == than) continue;
    auto& hand = hands_.at(who);
    waits = true;
    if (std::exchange(hand.recalling, true)) continue;
    gets_in_a_row_ = 0;
    out.deliver(Kind::recall, who, self_, hand.slot, {});
  }
  return waits;
}

void QueueHome::serve_putters(Outbox& out) {
  while (!putters_.empty()) {
    auto& putter = putters_.front();
    if (has_room()) {
      if (putter.reserves) {
        reserved_.insert(putter.request.from);
      } else {
        accept(std::move(putter.value));
      }
      out.reply(putter.request, Status::ok);
    } else if (capacity_ != 0 && recall_others(kNobody, out)) {
      return;  // what was handed out may have been taken meanwhile: then there is room
    } else {
      // Whoever only tries is told, also behind one that waits.
      if (!std::exchange(putters_try_, false)) return;
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
    } else if (over()) {
      out.reply(getter.request, Status::closed);
      getters_.pop_front();
    } else if (!getter.waits) {
      out.reply(getter.request, Status::no);
      getters_.pop_front();
    } else {
      // Behind a waiting getter there may be one that only tries: nothing is there for it either.
      if (!std::exchange(getters_try_, false)) break;
      std::erase_if(getters_, [&](const Getter& other) {
        if (!other.waits) out.reply(other.request, Status::no);
        return !other.waits;
      });
      break;
    }
  }
  for (; !syncs_.empty() && has_room(); syncs_.pop_front()) out.reply(syncs_.front(), Status::ok);
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
  std::vector<Handed> handed;
  handed.push_back({take_front(1, 1), true});
  const auto large = handed[0].stored.items.large();  // comes alone
  std::size_t count = 1, bytes = handed[0].stored.items.item_bytes(),
              units = handed[0].stored.items.units().size();
  while (count < most && bytes < kAheadBytes && !items_.empty() &&
         items_.front().items.large().size == 0) {
    handed.push_back({take_front(most - count, kAheadBytes - bytes), false});
    const auto& items = handed.back().stored.items;
    count += items.size();
    bytes += items.item_bytes();
    units += items.units().size();
  }
  auto header = to_process(Kind::queue_items, getter.request.from, self_, getter.slot);
  header.call = getter.request.call;
  Packer body;
  body.reserve(sizeof(ClaimStamp) + units);
  body.put(ClaimStamp{getter.slot, 0, 0, static_cast<std::uint32_t>(count)});
  std::vector<Reference> handles;
  for (auto& [stored, answer] : handed) {
    const auto view = stored.items.units();
    body.put_raw(view.data(), view.size());
    const auto named = stored.items.handles();
    handles.insert(handles.end(), named.begin(), named.end());
    // Items that came alone to a process without a claim slot can't be taken back: not recorded.
    if (getter.slot != kNoClaimSlot) hand.blocks.push_back({std::move(stored), answer});
  }
  note(getter.request.from, hand);
  out.send(make_frame_apart(header, {std::move(body).take(), std::move(handles), {}, large}));
}

/// A handle of `from`'s is gone, or `from` itself: the claim slot says how many it took.
void QueueHome::on_left(ProcessId from, const Payload& payload, Outbox& out) {
  const auto [slot, count] = Unpacker::unpack<std::uint16_t, std::uint32_t>(payload.bytes);
  const auto found = hands_.find(from);
  // Of an earlier handle's slot no more is to be said.
  if (found == hands_.end() || found->second.slot != slot) return;
  auto& hand = found->second;
  const auto handed = hand.size();
  const bool recalling = hand.recalling;
  give_back(hand, handed - std::min<std::size_t>(count - hand.taken, handed));
  note(from, hand);
  hand = {};  // a later handle counts anew
  // The answer to a recall that is on its way is about these items, not about what a later handle is
  // handed: which waits for it.
  hand.recalling = recalling;
  note(from, hand);
  if (!recalling) hands_.erase(found);
  serve(out);
}

/// The last `units` of what `from` was handed come back; the others it has taken.
void QueueHome::on_recalled(ProcessId from, std::size_t units, Outbox& out) {
  auto& hand = hands_[from];
  give_back(hand, units);
  note(from, hand);
  serve(out);
}

void QueueHome::give_back(Hand& hand, std::size_t units) {
  const auto handed = hand.size();
  forget_taken(hand, handed - std::min(units, handed));
  for (auto& [stored, answer] : std::exchange(hand.blocks, {})) put_back(std::move(stored));
  hand.recalling = false;
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
  for (const auto& waiting : std::exchange(syncs_, {})) out.reply(waiting, Status::closed);
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
  }  // else the answer is on its way, and is the getter's until it says otherwise (give_up)
  serve(out);
}

// What it had been handed while it lived has come back or been booked as taken (Kind::left); what
// it was handed later has not reached it.
void QueueHome::on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) {
  if (const auto found = refused_.extract(who)) {
    log_warn(
        "{} item{} that process '{}' (rank {}, host {}, pid {}) had put into a Queue after another "
        "process had closed it: dropped, and it ended without a flush, which would have told it",
        found.mapped(), found.mapped() == 1 ? "" : "s", facts.name, facts.rank, facts.host,
        facts.pid);
  }
  std::erase_if(getters_, [&](const Getter& getter) { return getter.request.from == who; });
  const auto its = [&](const FrameHeader& request) { return request.from == who; };
  std::erase_if(infos_, its);
  std::erase_if(syncs_, its);
  reserved_.erase(who);
  // What a dead process was putting counts as put: its worker had accepted it.
  std::erase_if(putters_,
                [&](const Putter& putter) { return putter.reserves && its(putter.request); });
  for (auto& putter : putters_) {
    if (its(putter.request)) putter.request.call = 0;
  }
  if (const auto hand = hands_.find(who); hand != hands_.end()) {
    on_recalled(who, hand->second.size(), out);
    hands_.erase(who);
  }
  serve(out);
}

void QueueHome::tell(ObjectFacts& facts) const {
  const auto items = size();
  facts.note = items == 0       ? "empty"
               : capacity_ == 0 ? fmt::format("{} items", items)
                                : fmt::format("{} items of {}", items, capacity_);
}

void QueueHome::on_freed(Outbox& out) {
  for (const auto& stored : items_) out.drop({{}, stored.items.handles()});
  for (const auto& putter : putters_) {
    out.drop(putter.value);
    out.reply(putter.request, Status::closed);
  }
  for (const auto& sync : syncs_) out.reply(sync, Status::closed);
  for (const auto& getter : getters_) out.reply(getter.request, Status::closed);
}

}  // namespace mpx::detail
