#include "mpx/detail/queue_core.hpp"

#include <cstring>

#include "core/claims.hpp"
#include "core/item_block.hpp"
#include "core/pack.hpp"
#include "endpoint/client.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

constexpr std::uint64_t kUnansweredBytes = std::uint64_t{1}
                                           << 20;  // put without an answer, at most
constexpr std::uint32_t kWant = 2048;              // items ahead, at most

}  // namespace

/// What became of a request for items; shared with the handler of its reply, which may come late.
struct QueueCore::Answer {
  bool come = false;
  Status status = Status::ok;
};

/// Items of one message that have not been taken, and the claim on the first.
struct QueueCore::Units {
  ClaimStamp next;
  ItemBlock items;
};

QueueCore::QueueCore(const QueueSettings& settings) : settings_(settings) {}

QueueCore::~QueueCore() {
  if (!has_slot_) return;
  client().free_claim_slot(slot_);
}

std::shared_ptr<QueueCore> QueueCore::make(const QueueSettings& settings) {
  return Client::make_core<QueueCore>(settings);
}

std::shared_ptr<QueueCore> QueueCore::load(Reader& reader) {
  const auto id = load_id(reader);
  QueueSettings settings;
  settings.capacity = reader.number<std::uint64_t>();
  settings.home = id.home;
  return Client::current()->adopt<QueueCore>(id, [&] { return make(settings); });
}

// What was handed ahead and not taken goes back. No more of it is on its way: each get waits for
// its answer. The home has a record of what it handed to a claim slot; the rest is put again.
bool QueueCore::before_drop() {
  if (!has_slot_) return false;
  for (auto& [next, items] : std::exchange(ahead_, {})) {
    if (next.slot != kNoClaimSlot) continue;
    while (!items.empty()) client().return_from_delivery(Kind::queue_put, id(), items.pop_front());
  }
  if (slot_ != kNoClaimSlot)
    client().return_from_delivery(Kind::left, id(), {Packer::pack(slot_, taken_), {}});
  return false;
}

void QueueCore::save_details(Writer& writer) const { writer.number(settings_.capacity); }

ObjectId QueueCore::create() {
  const auto client = Client::current();
  const auto id = client->new_object(settings_.home.value_or(client->home_or(0)));
  Client::check(
      client->call(
          Kind::create, id,
          {Packer::pack(ObjectKind::queue, settings_.capacity, settings_.budget_bytes), {}}),
      "making a Queue");
  return id;
}

bool QueueCore::put(Payload item, Deadline deadline) {
  auto& to = client();
  const auto bytes = item.bytes.size() + 64;
  {
    std::unique_lock lock(to.mutex());
    if (closed_) throw Closed("put to a Queue that is closed");
    if (settings_.capacity == 0 && unsynced_bytes_ + bytes <= kUnansweredBytes) {
      unsynced_bytes_ += bytes;
      to.post(lock, Kind::queue_put, id(), std::move(item));
      return true;
    }
    unsynced_bytes_ = 0;
  }
  const auto kind = deadline.is_now() ? Kind::queue_try_put : Kind::queue_put;
  const auto reply = to.call_until(kind, id(), std::move(item),
                                   deadline.is_now() ? Deadline::never() : deadline, {});
  if (reply->status == Status::closed) throw Closed("put to a Queue that is closed");
  Client::check(*reply, "put to a Queue");
  return reply->status == Status::ok;
}

/// The next item handed ahead that has not been taken back.
std::optional<Payload> QueueCore::take_ahead() {
  while (!ahead_.empty()) {
    auto& [next, items] = ahead_.front();
    const bool ours = client().take(next, next.first++);
    std::optional<Payload> item;
    if (ours) {
      ++taken_;
      item = items.pop_front();
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
  std::unique_lock lock(from.mutex());
  if (!has_slot_) {
    lock.unlock();
    const auto slot = from.new_claim_slot();
    lock.lock();
    if (!std::exchange(has_slot_, true)) {
      slot_ = slot;
    } else {  // another thread was first
      lock.unlock();
      from.free_claim_slot(slot);
      lock.lock();
    }
  }
  while (true) {
    if (auto item = take_ahead()) return item;
    const bool only_try = deadline.is_now();
    auto answer = std::make_shared<Answer>();
    const auto call =
        from.post_call(lock, only_try ? Kind::queue_try_get : Kind::queue_get, id(),
                       {Packer::pack(kWant, slot_, taken_), {}}, [answer](const Reply& reply) {
                         answer->come = true;
                         answer->status = reply.status;
                       });
    const Purpose purpose{Kind::queue_get, id()};
    const bool come = from.wait(lock, only_try ? Deadline::never() : deadline, purpose,
                                [&] { return answer->come || !ahead_.empty(); });
    const bool cancelled = !answer->come;
    if (cancelled) {
      // The home says which was first. An item that it has sent would overtake others if it came
      // back; and it must not come when this core is gone, for the next one to find in its slot.
      from.cancel(lock, call, id());
      from.wait(lock, Deadline::never(), purpose, [&] { return answer->come; });
    }
    if (auto item = take_ahead()) return item;
    if (answer->status == Status::closed) {
      closed_ = true;
      throw Closed("get from a Queue that is closed and empty");
    }
    if (answer->status != Status::ok && answer->status != Status::no) {
      throw Closed("get from a Queue that does not exist any more");
    }
    // Woken by an item that another thread has taken meanwhile: it asks again.
    if (!come || (answer->status == Status::no && !cancelled)) return std::nullopt;
  }
}

QueueInfo QueueCore::info() {
  const auto reply = client().call(Kind::queue_info, id());
  Client::check(reply, "asking a Queue");
  const auto [size, capacity, closed] =
      Unpacker::unpack<std::uint64_t, std::uint64_t, std::uint8_t>(reply.payload.bytes);
  return {size, capacity, closed != 0};
}

void QueueCore::close() {
  Client::check(client().call(Kind::queue_close, id()), "closing a Queue");
  const std::lock_guard guard(client().mutex());
  closed_ = true;
}

void QueueCore::flush() { static_cast<void>(info()); }

void QueueCore::on(Frame&& frame) {
  if (frame.header.kind == Kind::reply) {  // to a put that wanted no answer
    closed_ = true;
    return;
  }
  if (frame.header.kind != Kind::queue_items) return;
  auto payload = take_payload(std::move(frame));
  Unpacker in(payload.bytes);
  const auto stamp = in.get<ClaimStamp>();
  const auto rest = in.rest();
  ItemBlock items({rest.begin(), rest.end()}, std::move(payload.handles));
  if (items.size() != stamp.count) throw CodecError("a queue sent another number of items");
  if (!items.empty()) ahead_.push_back({stamp, std::move(items)});
}

}  // namespace mpx::detail
