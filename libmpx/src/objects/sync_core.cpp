#include "mpx/detail/sync_core.hpp"

#include <fmt/format.h>

#include <cstring>
#include <stdexcept>

#include "core/pack.hpp"
#include "endpoint/client.hpp"
#include "endpoint/make_core.hpp"
#include "mpx/error.hpp"
#include "objects/word_ref.hpp"
#include "wire/wait_words.hpp"

namespace mpx::detail {
std::shared_ptr<SyncCore> SyncCore::make_lock() { return make_core<SyncCore>(); }
std::shared_ptr<SyncCore> SyncCore::make_value(Payload initial) {
  return make_core<SyncCore>(Guards::value, std::move(initial.bytes));
}
std::shared_ptr<SyncCore> SyncCore::make_array(std::uint64_t bytes, Payload initial) {
  return make_core<SyncCore>(Guards::array, std::move(initial.bytes), bytes);
}

std::shared_ptr<SyncCore> SyncCore::load(Reader& reader) {
  const auto id = load_id(reader);
  const auto lock = load_place(reader);
  const auto value = load_place(reader);
  const auto bytes = reader.number<std::uint64_t>();
  return adopt_core<SyncCore>(id, [&] {
    auto core = make_lock();
    core->lock_ = lock;
    core->value_ = value;
    core->array_bytes_ = bytes;
    return core;
  });
}

void SyncCore::save_details(Writer& writer) const {
  save_place(writer, lock_);
  save_place(writer, value_);
  writer.number(array_bytes_);
}

ObjectId SyncCore::create() {
  constexpr struct {
    ObjectKind kind;
    const char* what;
  } kMade[] = {{ObjectKind::lock, "making a Lock"},
               {ObjectKind::cell, "making a Value"},
               {ObjectKind::array, "making an Array"}};
  const auto& made = kMade[static_cast<std::size_t>(guards_)];
  const auto client = Client::current();
  const auto id = client->placement().new_object(client->placement().home_here());
  Packer arguments;
  arguments.put(made.kind);
  if (guards_ == Guards::array) arguments.put(array_bytes_);
  arguments.put_raw(initial_.data(), initial_.size());
  const auto answer =
      client->placement().make_object(id, {std::move(arguments).take(), {}}, made.what);
  Unpacker in(answer.bytes);
  lock_ = in.get<WordPlace>();
  if (!in.at_end()) value_ = in.get<WordPlace>();
  initial_ = {};
  return id;
}

bool SyncCore::lock(Deadline deadline) {
  auto& to = client();
  const auto me = to.self().id;
  const auto seen =
      to.words().compare_exchange_unless_left(ref(lock_), 0, LockWord::owned_by(me), deadline);
  if (!seen) return acquire_at_home(*this, deadline, "lock", true);
  if (*seen == 0) return true;
  bool locked = false;
  to.words().watch(ref(lock_), *seen, deadline, [&](std::uint64_t word) {
    while (const auto mine = LockWord::taken(word, me)) {
      const auto was = to.words().compare_exchange(ref(lock_), word, *mine);
      if (was == word) return locked = true;
      word = was;
    }
    // Where somebody waits at the home, this process would overtake it.
    return deadline.is_now() || (word & LockWord::kContended) != 0;
  });
  if (locked || deadline.is_now()) return locked;
  return acquire_at_home(*this, deadline, "lock", true);
}

// A guard unlocks as it goes with the error that has ended its thread's wait: nothing may be thrown
// then.
void SyncCore::unlock() {
  auto& to = client();
  auto expected = LockWord::owned_by(to.self().id);
  try {
    while (true) {
      const auto seen = to.words().compare_exchange_unless_left(
          ref(lock_), expected, expected & LockWord::kAbandoned, Deadline::never());
      if (!seen) break;
      const auto word = *seen;
      if (word == expected) return;
      if (LockWord::owner(word) == 0) throw UsageError("unlock of a Lock that is free");
      if ((word & LockWord::kContended) != 0) break;
      expected = word;  // another process's, or marked as abandoned
    }
    release_at_home(*this, 1, "unlock");
  } catch (const UsageError&) {
    if (!to.has_ended()) throw;
  }
}

bool SyncCore::lock_recursive(Deadline deadline) {
  const auto me = std::this_thread::get_id();
  {
    const ClientLock guard(client().mutex());
    if (owner_ == me) {
      ++depth_;
      return true;
    }
  }
  if (!lock(deadline)) return false;
  const ClientLock guard(client().mutex());
  owner_ = me;
  depth_ = 1;
  kept_ = shared_from_this();
  return true;
}

void SyncCore::unlock_recursive() {
  std::shared_ptr<Core> kept;
  const bool ended = client().has_ended();
  {
    const ClientLock guard(client().mutex());
    if (ended) {  // the wait of a Condition may have ended so, without its lock
      kept = std::move(kept_);
      return;
    }
    if (owner_ != std::this_thread::get_id()) {
      throw UsageError("unlock of a RecursiveLock by a thread that does not hold it");
    }
    if (--depth_ > 0) return;
    owner_.reset();
    kept = std::move(kept_);
  }
  unlock();
}

void SyncCore::require_owner(const char* what) {
  if (owner_ == std::this_thread::get_id()) return;
  throw UsageError(fmt::format(
      "{} of a Condition by a thread that does not hold its RecursiveLock: lock first", what));
}

bool SyncCore::wait_at(const ObjectId& condition, bool recursive, Deadline deadline) {
  auto& to = client();
  std::uint64_t depth = 0;
  if (recursive) {
    const ClientLock guard(to.mutex());
    require_owner("wait");
    depth = std::exchange(depth_, 0);
    owner_.reset();
  }
  const auto reply = to.calls().call_until(Kind::condition_wait, id(),
                                           {Packer::pack(condition), {}}, deadline, {});
  reply->check("wait");
  if (recursive) {
    const ClientLock guard(to.mutex());
    owner_ = std::this_thread::get_id();
    depth_ = depth;
  }
  return reply->status == Status::ok;
}

void SyncCore::notify_at(const ObjectId& condition, bool recursive, std::uint64_t n) {
  auto& to = client();
  if (recursive) {
    const ClientLock guard(to.mutex());
    require_owner("notify");
  }
  to.calls().call(Kind::condition_notify, id(), {Packer::pack(condition, n), {}}).check("notify");
}

bool SyncCore::abandoned() {
  return (client().words().load(ref(lock_)) & LockWord::kAbandoned) != 0;
}

void SyncCore::clear_abandoned() {
  auto& to = client();
  auto word = to.words().load(ref(lock_));
  while ((word & LockWord::kAbandoned) != 0) {
    const auto was = to.words().compare_exchange(ref(lock_), word, word & ~LockWord::kAbandoned);
    if (was == word) return;
    word = was;
  }
}

void SyncCore::load_value(void* into, std::size_t size) {
  auto& to = client();
  if (value_.home >= 0) {
    const auto word = to.words().load(ref(value_));
    std::memcpy(into, &word, size);
    return;
  }
  const auto reply = to.calls().call(Kind::cell_read, id());
  reply.check("load of a Value");
  std::memcpy(into, Unpacker(reply.payload.bytes).view(size).data(), size);
}

void SyncCore::store_value(const void* from, std::size_t size) {
  auto& to = client();
  if (value_.home >= 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, size);
    static_cast<void>(to.words().exchange(ref(value_), word));
    return;
  }
  Packer packer;
  packer.put_raw(from, size);
  to.calls().call(Kind::cell_write, id(), {std::move(packer).take(), {}}).check("store to a Value");
}

void SyncCore::exchange_value(void* value, std::size_t size) {
  auto& to = client();
  if (value_.home >= 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, value, size);
    word = to.words().exchange(ref(value_), word);
    std::memcpy(value, &word, size);
    return;
  }
  Packer packer;
  packer.put_raw(value, size);
  const auto reply = to.calls().call(Kind::cell_exchange, id(), {std::move(packer).take(), {}});
  reply.check("exchange of a Value");
  std::memcpy(value, Unpacker(reply.payload.bytes).view(size).data(), size);
}

bool SyncCore::compare_exchange_value(void* expected, const void* desired, std::size_t size) {
  auto& to = client();
  if (value_.home >= 0) {
    std::uint64_t old = 0, next = 0;
    std::memcpy(&old, expected, size);
    std::memcpy(&next, desired, size);
    const auto was = to.words().compare_exchange(ref(value_), old, next);
    std::memcpy(expected, &was, size);
    return was == old;
  }
  Packer packer;
  packer.put_raw(expected, size);
  packer.put_raw(desired, size);
  const auto reply = to.calls().call(Kind::cell_compare, id(), {std::move(packer).take(), {}});
  reply.check("compare_exchange of a Value");
  std::memcpy(expected, Unpacker(reply.payload.bytes).view(size).data(), size);
  return reply.status == Status::ok;
}

void SyncCore::read_array(std::uint64_t offset, void* into, std::size_t size) {
  const auto reply = client().calls().call(
      Kind::array_read, id(), {Packer::pack(offset, static_cast<std::uint64_t>(size)), {}});
  reply.check("read of an Array");
  std::memcpy(into, Unpacker(reply.payload.bytes).view(size).data(), size);
}

void SyncCore::write_array(std::uint64_t offset, const void* from, std::size_t size) {
  Packer packer;
  packer.reserve(sizeof offset + size);
  packer.put(offset);
  packer.put_raw(from, size);
  client()
      .calls()
      .call(Kind::array_write, id(), {std::move(packer).take(), {}})
      .check("write to an Array");
}

std::uint64_t SyncCore::fetch_add_value(WordNumber number, std::uint64_t by) {
  auto& to = client();  // first: then it is known where the word lives
  return to.words().add(ref(value_), by, number);
}

std::uint64_t bytes_of_array(std::size_t n, std::size_t each) {
  constexpr auto kMost = std::uint64_t{1} << 62;
  if (n <= kMost / each) return n * each;
  throw UsageError(fmt::format("an Array of {} elements of {} bytes: too many", n, each));
}

void check_array_bounds(const char* what, std::size_t offset, std::size_t count, std::size_t size) {
  if (offset <= size && count <= size - offset) return;
  throw std::out_of_range(fmt::format("{} of {} element{} from index {} on of an Array of {}", what,
                                      count, count == 1 ? "" : "s", offset, size));
}

}  // namespace mpx::detail
