#include "mpx/detail/sync_core.hpp"

#include <fmt/format.h>

#include <cstring>

#include "core/pack.hpp"
#include "endpoint/client.hpp"
#include "mpx/error.hpp"
#include "runtime/lock_home.hpp"

namespace mpx::detail {
namespace {

template <class W>
WordRef ref(const W& word) {
  return {word.home, word.slot};
}

}  // namespace

std::shared_ptr<SyncCore> SyncCore::make_lock() { return Client::make_core<SyncCore>(); }
std::shared_ptr<SyncCore> SyncCore::make_value(Bytes initial) {
  return Client::make_core<SyncCore>(std::move(initial));
}

std::shared_ptr<SyncCore> SyncCore::load(Reader& reader) {
  const auto id = load_id(reader);
  Word words[2];
  for (auto& word : words) {
    word.home = reader.number<std::int32_t>();
    word.slot = reader.number<std::uint32_t>();
  }
  return Client::current()->adopt<SyncCore>(id, [&] {
    auto core = make_lock();
    core->lock_ = words[0];
    core->value_ = words[1];
    return core;
  });
}

void SyncCore::save_details(Writer& writer) const {
  for (const auto& word : {lock_, value_}) {
    writer.number(word.home);
    writer.number(word.slot);
  }
}

ObjectId SyncCore::create() {
  const auto client = Client::current();
  const auto id = client->new_object(client->home_or(client->self().id.rank().number()));
  Packer arguments;
  arguments.put(has_value_ ? ObjectKind::cell : ObjectKind::lock);
  arguments.put_raw(initial_.data(), initial_.size());
  const auto reply = client->call(Kind::create, id, {std::move(arguments).take(), {}});
  Client::check(reply, has_value_ ? "making a Value" : "making a Lock");
  Unpacker in(reply.payload.bytes);
  lock_ = in.get<Word>();
  if (has_value_) value_ = in.get<Word>();
  initial_.clear();
  return id;
}

bool SyncCore::lock(Deadline deadline) {
  auto& to = client();
  const auto word = to.word_compare_exchange(ref(lock_), 0, LockWord::owned_by(to.self().id));
  return word == 0 || lock_contended(word, deadline);
}

bool SyncCore::lock_contended(std::uint64_t word, Deadline deadline) {
  auto& to = client();
  const auto mine = LockWord::owned_by(to.self().id);
  if (word == LockWord::kAbandoned &&
      to.word_compare_exchange(ref(lock_), word, mine | LockWord::kAbandoned) == word) {
    return true;
  }
  const std::uint8_t try_only = deadline.is_now() ? 1 : 0;
  const auto reply = to.call_until(Kind::lock_acquire, id(), {Packer::pack(try_only), {}},
                                   try_only != 0 ? Deadline::never() : deadline, {});
  Client::check(*reply, "lock");
  return reply->status == Status::ok;
}

void SyncCore::unlock() {
  auto& to = client();
  auto expected = LockWord::owned_by(to.self().id);
  while (true) {
    const auto word =
        to.word_compare_exchange(ref(lock_), expected, expected & LockWord::kAbandoned);
    if (word == expected) return;
    if (LockWord::owner(word) == 0) throw UsageError("unlock of a Lock that is free");
    if ((word & LockWord::kContended) != 0) break;
    expected = word;  // another process's, or marked as abandoned
  }
  Client::check(to.call(Kind::lock_release, id()), "unlock");
}

bool SyncCore::lock_recursive(Deadline deadline) {
  const auto me = std::this_thread::get_id();
  {
    const std::lock_guard guard(client().mutex());
    if (owner_ == me) {
      ++depth_;
      return true;
    }
  }
  if (!lock(deadline)) return false;
  const std::lock_guard guard(client().mutex());
  owner_ = me;
  depth_ = 1;
  return true;
}

void SyncCore::unlock_recursive() {
  {
    const std::lock_guard guard(client().mutex());
    if (owner_ != std::this_thread::get_id()) {
      throw UsageError("unlock of a RecursiveLock by a thread that does not hold it");
    }
    if (--depth_ > 0) return;
    owner_.reset();
  }
  unlock();
}

bool SyncCore::abandoned() { return (client().word_load(ref(lock_)) & LockWord::kAbandoned) != 0; }

void SyncCore::clear_abandoned() {
  auto& to = client();
  auto word = to.word_load(ref(lock_));
  while ((word & LockWord::kAbandoned) != 0) {
    const auto was = to.word_compare_exchange(ref(lock_), word, word & ~LockWord::kAbandoned);
    if (was == word) return;
    word = was;
  }
}

void SyncCore::load_value(void* into, std::size_t size) {
  auto& to = client();
  if (value_.home >= 0) {
    const auto word = to.word_load(ref(value_));
    std::memcpy(into, &word, size);
    return;
  }
  const auto reply = to.call(Kind::cell_read, id());
  Client::check(reply, "load of a Value");
  std::memcpy(into, Unpacker(reply.payload.bytes).view(size).data(), size);
}

void SyncCore::store_value(const void* from, std::size_t size) {
  auto& to = client();
  if (value_.home >= 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, size);
    static_cast<void>(to.word_exchange(ref(value_), word));
    return;
  }
  Packer packer;
  packer.put_raw(from, size);
  Client::check(to.call(Kind::cell_write, id(), {std::move(packer).take(), {}}),
                "store to a Value");
}

void SyncCore::exchange_value(void* value, std::size_t size) {
  auto& to = client();
  if (value_.home >= 0) {
    std::uint64_t word = 0;
    std::memcpy(&word, value, size);
    word = to.word_exchange(ref(value_), word);
    std::memcpy(value, &word, size);
    return;
  }
  Packer packer;
  packer.put_raw(value, size);
  const auto reply = to.call(Kind::cell_exchange, id(), {std::move(packer).take(), {}});
  Client::check(reply, "exchange of a Value");
  std::memcpy(value, Unpacker(reply.payload.bytes).view(size).data(), size);
}

bool SyncCore::compare_exchange_value(void* expected, const void* desired, std::size_t size) {
  auto& to = client();
  if (value_.home >= 0) {
    std::uint64_t old = 0, next = 0;
    std::memcpy(&old, expected, size);
    std::memcpy(&next, desired, size);
    const auto was = to.word_compare_exchange(ref(value_), old, next);
    std::memcpy(expected, &was, size);
    return was == old;
  }
  Packer packer;
  packer.put_raw(expected, size);
  packer.put_raw(desired, size);
  const auto reply = to.call(Kind::cell_compare, id(), {std::move(packer).take(), {}});
  Client::check(reply, "compare_exchange of a Value");
  std::memcpy(expected, Unpacker(reply.payload.bytes).view(size).data(), size);
  return reply.status == Status::ok;
}

std::uint64_t SyncCore::fetch_add_value(std::uint64_t by) {
  auto& to = client();
  return to.word_add(ref(value_), by);
}

}  // namespace mpx::detail
