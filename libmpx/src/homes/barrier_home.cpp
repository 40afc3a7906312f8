#include "homes/barrier_home.hpp"

#include <fmt/format.h>

namespace mpx::detail {
namespace {

std::string end_of(const ProcessFacts& facts) {
  return fmt::format(
      "process '{}' (rank {}, host {}, pid {}), which had it, ended with exit code {}", facts.name,
      facts.rank, facts.host, facts.pid, facts.exit_code);
}

}  // namespace

void BarrierHome::on(const FrameHeader& request, Payload payload, Outbox& out) {
  Unpacker in(payload.bytes);
  switch (request.kind) {
    case Kind::barrier_wait:
      return wait(request, out);
    case Kind::barrier_done: {
      const auto round = in.get<std::uint64_t>();
      return done(request, round, in.get<std::string>(), out);
    }
    case Kind::barrier_info: {
      const auto waiting = std::uint64_t{waiting_.size()} + (actor_ ? 1 : 0);
      return out.reply(request, Status::ok,
                       Packer::pack(parties_, waiting, std::uint8_t{!broken_.empty()}));
    }
    case Kind::barrier_reset:
      turn_away("it was reset", out);
      broken_.clear();
      return out.reply(request, Status::ok);
    case Kind::barrier_abort:
      break_up("it was aborted", out);
      return out.reply(request, Status::ok);
    default:
      refuse_kind(request, payload, out);
  }
}

void BarrierHome::tell(ObjectFacts& facts) const {
  facts.note = fmt::format("{} of {} are there", waiting_.size() + (actor_ ? 1 : 0), parties_);
  if (actor_) facts.holders.push_back(*actor_);
}

void BarrierHome::wait(const FrameHeader& request, Outbox& out) {
  if (!broken_.empty()) return say_no(request, broken_, out);
  told_.erase(request.from);
  waiting_.push({request});
  if (!actor_) fill(out);
}

/// Completes a round if enough wait: the last of them has index 0.
void BarrierHome::fill(Outbox& out) {
  if (waiting_.size() < parties_) return;
  const auto last =
      *waiting_.take(waiting_[parties_ - 1].call.from, waiting_[parties_ - 1].call.call);
  ++round_;
  if (!action_) {
    out.reply(last.call, Status::ok, Packer::pack(std::uint64_t{0}, std::uint64_t{0}));
    return complete(out);
  }
  actor_ = last.call.from;
  auto copy = out.counted(rank_, Payload(*action_));
  Packer packer;
  packer.put(std::uint64_t{0});
  packer.put(round_);
  packer.put_raw(copy.bytes.data(), copy.bytes.size());
  out.reply(last.call, Status::ok, Payload{std::move(packer).take(), std::move(copy.handles)});
}

/// Lets the others of the round go.
void BarrierHome::complete(Outbox& out) {
  for (std::uint64_t index = 1; index < parties_; ++index) {
    out.reply(waiting_.pop().call, Status::ok, Packer::pack(index, std::uint64_t{0}));
  }
}

void BarrierHome::done(const FrameHeader& request, std::uint64_t round, const std::string& trouble,
                       Outbox& out) {
  if (!actor_ || round != round_) {
    return say_no(request, broken_.empty() ? "it was reset while its action ran" : broken_, out);
  }
  actor_.reset();
  if (!trouble.empty()) {
    told_.insert(request.from);
    out.reply(request, Status::ok);
    return break_up("its action threw: " + trouble, out);
  }
  out.reply(request, Status::ok);
  complete(out);
  fill(out);
}

/// All who wait get `no`; what an actor reports later is of an older round.
void BarrierHome::turn_away(const std::string& reason, Outbox& out) {
  actor_.reset();
  while (!waiting_.empty()) say_no(waiting_.pop().call, reason, out);
}

void BarrierHome::say_no(const FrameHeader& request, const std::string& reason, Outbox& out) {
  told_.insert(request.from);
  out.reply(request, Status::no, Packer::pack(reason));
}

void BarrierHome::break_up(const std::string& reason, Outbox& out) {
  if (!broken_.empty()) return;
  broken_ = reason;
  turn_away(reason, out);
}

void BarrierHome::on_cancel(ProcessId from, std::uint64_t call, Outbox& out) {
  const auto its = [&](const WaitList::Waiter& waiter) {
    return waiter.call.from == from && waiter.call.call == call;
  };
  if (std::any_of(waiting_.begin(), waiting_.end(), its)) {
    break_up("the time limit of a party struck", out);
  }
}

void BarrierHome::on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) {
  told_.erase(who);
  const bool waited = !waiting_.take_all_of(who).empty();
  if (waited || actor_ == who) break_up(end_of(facts), out);
}

void BarrierHome::on_holder_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) {
  const bool killed = facts.exit_code < 0;
  if (killed || (facts.exit_code != 0 && !told_.contains(who))) break_up(end_of(facts), out);
}

void BarrierHome::on_freed(Outbox& out) {
  waiting_.answer_all(Status::no_object, {}, out);
  if (action_) out.drop(*action_);
}

}  // namespace mpx::detail
