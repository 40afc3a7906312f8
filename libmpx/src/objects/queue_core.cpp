#include "mpx/detail/queue_core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/claims.hpp"
#include "core/item_block.hpp"
#include "core/pack.hpp"
#include "core/segments.hpp"
#include "endpoint/client.hpp"
#include "endpoint/make_core.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

constexpr std::uint64_t kUnansweredBytes = std::uint64_t{1} << 20;
constexpr std::uint32_t kWant = 2048;  // items ahead, at most

}  // namespace

/// What became of a request for items; shared with the handler of its reply, which may come late.
struct QueueCore::Answer {
  bool come = false, given_up = false;
  bool item = false;  // it is one, for the thread that waits; in due_
  Status status = Status::ok;
};

/// A thread's wait for an answer, until it has taken the item or an exception ends it: those whose
/// answers came later wait for that. Under the client's mutex.
struct QueueCore::Getting {
  ~Getting() MPX_REQUIRES(client_mutex) {
    answer->given_up = true;
    const auto mine = std::find(core.due_.begin(), core.due_.end(), answer.get());
    if (mine == core.due_.end()) return;
    core.due_.erase(mine);
    core.client().waits().wake_all();
  }
  QueueCore& core;
  std::shared_ptr<Answer> answer = std::make_shared<Answer>();
};

/// Items of one message that have not been taken, and the claim on the first.
struct QueueCore::Units {
  ClaimStamp next;
  ItemBlock items;
};

QueueCore::QueueCore(const QueueSettings& settings)
    : settings_(settings), window_(Kind::queue_sync, kUnansweredBytes) {}

QueueCore::~QueueCore() {
  if (!slot_) return;
  const ClientLock guard(client().mutex());
  client().claims().free_slot(*slot_);
}

std::shared_ptr<QueueCore> QueueCore::make(const QueueSettings& settings) {
  return make_core<QueueCore>(settings);
}

std::shared_ptr<QueueCore> QueueCore::load(Reader& reader) {
  const auto id = load_id(reader);
  QueueSettings settings;
  settings.capacity = reader.number<std::uint64_t>();
  settings.home = id.home;
  return adopt_core<QueueCore>(id, [&] { return make(settings); });
}

// What was handed ahead and not taken goes back. No more of it is on its way: a get that has been given
// up holds the core until its answer has come. The home has a record of what it handed to a claim
// slot; the rest is sent to it.
bool QueueCore::before_drop() {
  if (!slot_) return false;
  for (auto& [next, items] : std::exchange(ahead_, {})) {
    if (next.slot == kNoClaimSlot) unget(std::move(items));
  }
  if (*slot_ != kNoClaimSlot)
    client().calls().return_from_delivery(Kind::left, id(), {Packer::pack(*slot_, taken_), {}});
  return false;
}

/// Gives items back that have no claim, so that the home does not know of them any more.
void QueueCore::unget(ItemBlock items) {
  std::vector<Payload> all;
  while (!items.empty()) all.push_back(items.pop_front());
  for (; !all.empty(); all.pop_back())  // each goes in front
    client().calls().return_from_delivery(Kind::queue_unget, id(), std::move(all.back()));
}

void QueueCore::save_details(Writer& writer) const { writer.number(settings_.capacity); }

ObjectId QueueCore::create() {
  const auto client = Client::current();
  const auto id =
      client->placement().new_object(settings_.home.value_or(client->placement().home_or(0)));
  client->placement().make_object(
      id, {Packer::pack(ObjectKind::queue, settings_.capacity, settings_.budget_bytes), {}},
      "making a Queue");
  return id;
}

bool QueueCore::put(Payload item, Deadline deadline) {
  const auto kept = std::exchange(item.kept, {});
  if (settings_.capacity == 0) {
    if (put_unasked(item, deadline)) return true;
    if (!deadline.is_now()) return false;
  } else if (!deadline.is_now() && !deadline.is_never()) {
    return put_reserved(std::move(item), deadline);
  }
  const auto kind = deadline.is_now() ? Kind::queue_try_put : Kind::queue_put;
  return accepted(client().calls().call(kind, id(), std::move(item)), deadline);
}

bool QueueCore::accepted(const Reply& reply, Deadline deadline) {
  if (reply.status == Status::closed) throw_closed(deadline);
  reply.check("put to a Queue");
  return reply.status == Status::ok;
}

/// Sends the item one way; false: the home has had no room for earlier ones until the deadline.
bool QueueCore::put_unasked(Payload& item, Deadline deadline) {
  auto& to = client();
  ClientLock lock(to.mutex());
  const auto closed = [&]() MPX_REQUIRES(client_mutex) { return closed_ || window_.closed(); };
  const bool admitted = closed() || window_.admit(to, id(), item.bytes.size() + sizeof(FrameHeader),
                                                  deadline, closed);
  if (closed()) {
    lock.unlock();
    throw_closed(deadline);
  }
  if (!admitted) return false;
  ++unasked_;
  to.calls().post_locked(Kind::queue_put, id(), std::move(item));
  return true;
}

/// An item that had left could not be called back at the deadline; room can. Once it has room, an item
/// is put, whenever the home says so.
bool QueueCore::put_reserved(Payload item, Deadline deadline) {
  auto& to = client();
  const auto late = [&to, queue = id()](const Reply& reply) MPX_REQUIRES(client_mutex) {
    if (reply.status == Status::ok)
      to.calls().return_from_delivery(Kind::queue_unreserve, queue, {});
  };
  const auto reply = to.calls().call_until(Kind::queue_reserve, id(), {}, deadline, late);
  if (!reply || !accepted(*reply, deadline)) return false;
  static_cast<void>(to.calls().call_until(
      Kind::queue_put, id(), std::move(item), deadline, [](const Reply&) {},
      static_cast<std::uint16_t>(PutRoute::reserved)));
  return true;
}

/// Says how many items are lost if it may ask the home that, which may take longer than a time limit.
void QueueCore::throw_closed(Deadline deadline) {
  closed_ = true;
  if (deadline.is_never() || deadline.is_now()) flush();
  throw Closed("put to a Queue that is closed");
}

/// Whether there are more items than those that have come for threads which have still to take them.
bool QueueCore::has_spare() const {
  std::size_t items = 0;
  for (const auto& units : ahead_) {
    items += units.items.size();
    if (items > due_.size()) return true;
  }
  return false;
}

/// The next item handed ahead that has not been taken back.
std::optional<Payload> QueueCore::take_ahead() {
  while (!ahead_.empty()) {
    auto& [next, items] = ahead_.front();
    const bool ours = client().claims().take(next, next.first++);
    std::optional<Payload> item;
    if (ours) {
      ++taken_;
      item = items.pop_front();
      take_over_segment(item->bytes);  // its home has no use for it any more
    } else {
      items.drop_front();  // taken back: the home has it again, with its references
    }
    if (items.empty()) ahead_.pop_front();
    if (ours) return item;
  }
  return std::nullopt;
}

std::optional<Payload> QueueCore::get(Deadline deadline) {
  auto& from = client();
  const ClientLock lock(from.mutex());
  if (!slot_) slot_ = from.claims().new_slot();
  const bool only_try = deadline.is_now();
  while (true) {
    if (has_spare()) {
      if (auto item = take_ahead()) return item;
    }
    const Getting getting{*this};
    const auto& answer = getting.answer;
    const auto core = std::static_pointer_cast<QueueCore>(shared_from_this());
    const auto call = from.calls().post_call(
        only_try ? Kind::queue_try_get : Kind::queue_get, id(),
        {Packer::pack(kWant, *slot_, taken_), {}},
        [answer = answer, core, &from](const Reply& reply) MPX_REQUIRES(client_mutex) {
          answer->come = true;
          answer->status = reply.status;
          core->late_ = answer->given_up;
          answer->item = reply.status == Status::ok && !answer->given_up;
          if (answer->item) core->due_.push_back(answer.get());
          if (answer->given_up) from.tasks().run_soon([core] {});
        });
    const Purpose purpose{Kind::queue_get, id()};
    const bool come =
        from.waits().wait(only_try ? Deadline::never() : deadline, purpose,
                          [&]() MPX_REQUIRES(client_mutex) { return answer->come || has_spare(); });
    const bool cancelled = !answer->come;
    if (cancelled) {
      // The home says which was first; where it says nothing, an item that comes late stays claimed
      // for the next get, and the home may take it back.
      from.calls().cancel(call, id());
      if (!from.waits().wait(Deadline::after(Calls::kGrace), purpose,
                             [&] { return answer->come; })) {
        answer->given_up = true;
        from.calls().post_locked(Kind::queue_give_up, id());
      }
    }
    if (answer->item)  // each its own: those whose answer came before take first
      from.waits().wait(Deadline::never(), purpose,
                        [&]() MPX_REQUIRES(client_mutex) { return due_.front() == answer.get(); });
    if (answer->item || has_spare()) {
      if (auto item = take_ahead()) return item;
    }
    if (answer->status == Status::closed) {
      closed_ = true;
      throw Closed("get from a Queue that is closed and empty");
    }
    if (answer->status != Status::ok && answer->status != Status::no) {
      throw Closed("get from a Queue that does not exist any more");
    }
    if (!come || (answer->status == Status::no && !cancelled)) return std::nullopt;
    // Woken by an item that another thread has taken meanwhile, or the home back: it asks again.
    if (!only_try && deadline.passed()) return std::nullopt;
  }
}

QueueInfo QueueCore::info() {
  const auto reply = client().calls().call(Kind::queue_info, id());
  reply.check("asking a Queue");
  const auto [size, capacity, closed] =
      Unpacker::unpack<std::uint64_t, std::uint64_t, std::uint8_t>(reply.payload.bytes);
  return {size, capacity, closed != 0};
}

void QueueCore::close() {
  client().calls().call(Kind::queue_close, id()).check("closing a Queue");
  closed_ = true;
}

void QueueCore::flush() {
  const std::uint64_t unasked = unasked_;
  if (flushed_ >= unasked) return;
  const auto reply = client().calls().call(Kind::queue_flush, id());
  reply.check("flush of a Queue");
  flushed_ = unasked;  // a smaller one, where two threads do this, makes the next ask in vain
  const auto refused = Unpacker(reply.payload.bytes).get<std::uint64_t>();
  if (refused == 0) return;
  closed_ = true;
  throw Closed(
      fmt::format("put to a Queue that another process has closed: {} item{} that this process had "
                  "put before it learned of that {} dropped",
                  refused, refused == 1 ? "" : "s", refused == 1 ? "is" : "are"));
}

void QueueCore::on(Frame&& frame) {
  if (frame.header.kind != Kind::queue_items) return;
  auto payload = take_parts(std::move(frame));
  Unpacker in(payload.bytes);
  const auto stamp = in.get<ClaimStamp>();
  Bytes units(in.rest().begin(), in.rest().end());
  ItemBlock items = payload.large.size != 0
                        ? ItemBlock(units, std::move(payload.handles), std::move(payload.large))
                        : ItemBlock(std::move(units), std::move(payload.handles));
  if (items.size() != stamp.count) throw CodecError("a queue sent another number of items");
  if (std::exchange(late_, false) && stamp.slot == kNoClaimSlot) return unget(std::move(items));
  if (!items.empty()) ahead_.push_back({stamp, std::move(items)});
}

}  // namespace mpx::detail
