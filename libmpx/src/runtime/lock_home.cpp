#include "runtime/lock_home.hpp"

#include <algorithm>

namespace mpx::detail {

void LockHome::on(const FrameHeader& request, Payload payload, Outbox& out) {
  switch (request.kind) {
    case Kind::lock_acquire:
      return acquire(request, Unpacker(payload.bytes).get<std::uint8_t>() == 0, out);
    case Kind::lock_release:
      return release(request, out);
    default:
      out.drop(payload);
      out.reply(request, Status::usage, Packer::pack(std::string("not an operation of a Lock")));
  }
}

void LockHome::acquire(const FrameHeader& request, bool waits, Outbox& out) {
  const auto mine = LockWord::owned_by(request.from);
  auto word = words_.load(word_);
  while (true) {
    if (LockWord::owner(word) == 0) {
      const auto was = words_.compare_exchange(word_, word, mine | (word & LockWord::kAbandoned));
      if (was == word) return out.reply(request, Status::ok);
      word = was;
      continue;
    }
    if (!waits) return out.reply(request, Status::no);
    if ((word & LockWord::kContended) != 0) break;
    const auto was = words_.compare_exchange(word_, word, word | LockWord::kContended);
    if (was == word) break;
    word = was;
  }
  waiters_.push_back(request);
}

void LockHome::release(const FrameHeader& request, Outbox& out) {
  const auto word = words_.load(word_);
  if (LockWord::owner(word) == 0) {
    return out.reply(request, Status::usage,
                     Packer::pack(std::string("unlock of a Lock that is free")));
  }
  pass_on(word, 0, out);
  out.reply(request, Status::ok);
}

/// Gives the lock, whose word is `held`, to the next waiter, or frees it; keeps the abandoned mark,
/// and sets `marks`. Does nothing if the owner has changed: then somebody else has unlocked it.
void LockHome::pass_on(std::uint64_t held, std::uint64_t marks, Outbox& out) {
  std::uint64_t taker = 0;
  if (!waiters_.empty()) {
    taker = LockWord::owned_by(waiters_.front().from);
    if (waiters_.size() > 1) taker |= LockWord::kContended;
  }
  for (const auto owner = LockWord::owner(held); LockWord::owner(held) == owner;) {
    const auto next = taker | (held & LockWord::kAbandoned) | marks;
    const auto was = words_.compare_exchange(word_, held, next);
    if (was != held) {  // the abandoned mark was cleared meanwhile
      held = was;
      continue;
    }
    if (waiters_.empty()) return;
    out.reply(waiters_.front(), Status::ok);
    waiters_.pop_front();
    return;
  }
}

void LockHome::unmark_contended() {
  auto word = words_.load(word_);
  while (waiters_.empty() && (word & LockWord::kContended) != 0) {
    const auto was = words_.compare_exchange(word_, word, word & ~LockWord::kContended);
    if (was == word) return;
    word = was;
  }
}

void LockHome::on_cancel(ProcessId from, std::uint64_t call, Outbox& out) {
  const auto found = std::find_if(waiters_.begin(), waiters_.end(), [&](const FrameHeader& waiter) {
    return waiter.from == from && waiter.call == call;
  });
  if (found == waiters_.end()) return;  // granted already: the answer is on its way
  out.reply(*found, Status::no);
  waiters_.erase(found);
  unmark_contended();
}

void LockHome::on_ended(ProcessId who, const ProcessFacts& /*facts*/, Outbox& out) {
  std::erase_if(waiters_, [&](const FrameHeader& waiter) { return waiter.from == who; });
  const auto word = words_.load(word_);
  if (LockWord::owner(word) == LockWord::owned_by(who)) {
    pass_on(word, LockWord::kAbandoned, out);
  } else {
    unmark_contended();
  }
}

void LockHome::on_freed(Outbox& out) {
  for (const auto& waiter : waiters_) out.reply(waiter, Status::no_object);
  words_.release(word_);
}

}  // namespace mpx::detail
