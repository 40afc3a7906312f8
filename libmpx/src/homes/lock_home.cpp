#include "homes/lock_home.hpp"

namespace mpx::detail {

void LockHome::on(const FrameHeader& request, Payload payload, Outbox& out) {
  if (request.kind == Kind::condition_wait) {
    const auto condition = Unpacker(payload.bytes).get<ObjectId>();
    if (!held_by_caller(request, "wait", out)) return;
    conditions_[condition].push({request, Status::ok, condition});
    give_back(LockWord::owned_by(request.from), 0, out);
  } else if (request.kind == Kind::condition_notify) {
    const auto [condition, n] = Unpacker::unpack<ObjectId, std::uint64_t>(payload.bytes);
    if (!held_by_caller(request, "notify", out)) return;
    notify(condition, n);
    look_again(out);
    out.reply(request, Status::ok);
  } else {
    WaitHome::on(request, std::move(payload), out);
  }
}

/// Gives the lock back if `owner` holds it: else somebody has done so already.
void LockHome::give_back(Word owner, Word marks, Outbox& out) {
  change(
      [&](Word word) -> std::optional<Word> {
        if (LockWord::owner(word) != owner) return std::nullopt;
        return (word & LockWord::kAbandoned) | marks;
      },
      out);
}

void LockHome::release(const FrameHeader& request, std::uint64_t /*n*/, Outbox& out) {
  if (request.status == static_cast<std::uint16_t>(ReleaseRoute::own))
    return give_back(LockWord::owned_by(request.from), 0, out);
  const auto owner = LockWord::owner(load());
  if (owner == 0) return refuse(request, "unlock of a Lock that is free", out);
  give_back(owner, 0, out);
  out.reply(request, Status::ok);
}

bool LockHome::held_by_caller(const FrameHeader& request, const char* what, Outbox& out) {
  if (LockWord::owner(load()) == LockWord::owned_by(request.from)) return true;
  refuse(request,
         std::string(what) + " of a Condition by a process that does not hold its lock: lock first",
         out);
  return false;
}

void LockHome::notify(ObjectId condition, std::uint64_t n) {
  const auto found = conditions_.find(condition);
  if (found == conditions_.end()) return;
  for (; n > 0 && !found->second.empty(); --n) waiters_.push(found->second.pop());
  if (found->second.empty()) conditions_.erase(found);
}

void LockHome::on_cancel(ProcessId from, std::uint64_t call, Outbox& out) {
  for (auto& [condition, list] : conditions_) {
    auto waiter = list.take(from, call);
    if (!waiter) continue;
    waiter->answer = Status::no;
    waiters_.push(*waiter);
    if (list.empty()) conditions_.erase(condition);
    return look_again(out);
  }
  for (const auto& waiter : waiters_) {
    const bool its = waiter.call.from == from && waiter.call.call == call;
    if (its && !waiter.condition.empty()) return;  // has been notified, and will have the lock
  }
  WaitHome::on_cancel(from, call, out);
}

void LockHome::on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) {
  for (auto at = conditions_.begin(); at != conditions_.end();) {
    at->second.take_all_of(who);
    at = at->second.empty() ? conditions_.erase(at) : std::next(at);
  }
  WaitHome::on_ended(who, facts, out);
}

void LockHome::on_gone(ProcessId who, const ProcessFacts& /*facts*/, const Gone& waited,
                       Outbox& out) {
  for (const auto& waiter : waited) {
    const bool notified = !waiter.condition.empty() && waiter.answer == Status::ok;
    if (notified) notify(waiter.condition, 1);
  }
  const auto owner = LockWord::owned_by(who);
  if (LockWord::owner(load()) != owner) return;
  while (!conditions_.empty()) {
    const auto& [condition, list] = *conditions_.begin();
    notify(condition, list.size());
  }
  give_back(owner, LockWord::kAbandoned, out);
}

void LockHome::tell(ObjectFacts& facts) const {
  if (const auto owner = LockWord::owner(load()); owner != 0)
    facts.holders.push_back(LockWord::owner_of(owner));
}

void LockHome::on_freed(Outbox& out) {
  for (auto& [condition, list] : conditions_) list.answer_all(Status::no_object, {}, out);
  WaitHome::on_freed(out);
}

}  // namespace mpx::detail
