#include "endpoint/calls.hpp"

#include <utility>

#include "core/log.hpp"
#include "wire/headers.hpp"

namespace mpx::detail {

void Calls::send(FrameHeader header, Payload payload) {
  // Who had the payload lets go of what it keeps after the mutex; else the next who waits does.
  if (!payload.kept.empty()) tasks_.run_soon([kept = std::exchange(payload.kept, {})] {});
  // Each handle in the value is one reference in flight. It is counted before the value leaves, and
  // this process's own is given up later on the same way, so the object lives.
  for (auto& handle : payload.handles) {
    handle.counter = context_.self().id;
    context_.send_count(Kind::add_ref, handle);
  }
  context_.send(header, std::move(payload));
}

void Calls::send_call(FrameHeader header, const Pending& pending, Payload payload) {
  header.call = pending.call;
  send(header, std::move(payload));
  // Answered in this rank: what it set off elsewhere must leave too.
  if (pending.done) context_.link()->flush();
}

void Calls::post(Kind kind, const ObjectId& object, Payload payload, std::uint16_t status) {
  const auto kept = std::exchange(payload.kept, {});
  const ClientLock lock(context_.mutex());
  post_locked(kind, object, std::move(payload), status);
}

void Calls::post_locked(Kind kind, const ObjectId& object, Payload payload, std::uint16_t status,
                        std::uint64_t call) {
  auto& link = context_.require_link();
  auto header = to_home(kind, object);
  header.status = status;
  header.call = call;
  send(header, std::move(payload));
  link.flush();
}

Reply Calls::call(Kind kind, const ObjectId& object, Payload payload) {
  return *call_until(kind, object, std::move(payload), Deadline::never(), {});
}

std::optional<Reply> Calls::call_until(Kind kind, const ObjectId& object, Payload payload,
                                       Deadline deadline, OnReply late, std::uint16_t status) {
  const auto kept = std::exchange(payload.kept, {});
  const ClientLock lock(context_.mutex());
  context_.require_link();
  Pending pending(*this);
  auto header = to_home(kind, object);
  header.status = status;
  send_call(header, pending, std::move(payload));
  const auto done = [&] { return pending.done; };
  if (deadline.is_never()) {
    wait_for(pending, kind, object);
  } else {
    waits_.wait(deadline, {kind, object}, done);
  }
  if (pending.done) return std::move(pending.reply);
  // The home says which of the two was first.
  send_call(to_home(Kind::cancel, object), pending, {});
  waits_.wait(late ? Deadline::after(kGrace) : Deadline::never(), {kind, object}, done);
  if (pending.done) return std::move(pending.reply);
  handlers_[pending.call] = std::move(late);
  return std::nullopt;
}

Reply Calls::call_rank(Kind kind, const ObjectId& object, Payload payload) {
  const auto kept = std::exchange(payload.kept, {});
  const ClientLock lock(context_.mutex());
  context_.require_link();
  Pending pending(*this);
  const ProcessId rank(context_.self().id.rank(), 0);
  send_call(to_process(kind, rank, object), pending, std::move(payload));
  waits_.wait(Deadline::never(), {kind, object}, [&] { return pending.done; });
  return std::move(pending.reply);
}

void Calls::wait_for(const Pending& pending, Kind kind, const ObjectId& object) {
  const auto done = [&] { return pending.done; };
  const auto patience = patience_.load();
  if (patience.count() == 0 || (kind != Kind::create && kind != Kind::name_find)) {
    waits_.wait(Deadline::never(), {kind, object}, done);
    return;
  }
  if (waits_.wait(Deadline::after(patience), {kind, object}, done)) return;
  log_warn(
      "{} takes more than {} s: rank {} has not answered{}; a rank of a Session answers while it "
      "is in a call of libmpx, so where it computes or waits in MPI it must call progress() now "
      "and then; still waiting",
      kind == Kind::create ? "making an object" : "looking up a named object", patience.count(),
      object.home, kind == Kind::create ? "" : ", or another process has still to make the object");
  waits_.wait(Deadline::never(), {kind, object}, done);
}

std::uint64_t Calls::post_call(Kind kind, const ObjectId& object, Payload payload,
                               OnReply on_reply) {
  auto& link = context_.require_link();
  auto header = to_home(kind, object);
  header.call = next_call_++;
  handlers_[header.call] = std::move(on_reply);
  send(header, std::move(payload));  // may be answered in here
  link.flush();
  return header.call;
}

void Calls::cancel(std::uint64_t call, const ObjectId& object) {
  if (context_.link() == nullptr || !handlers_.contains(call)) return;
  auto header = to_home(Kind::cancel, object);
  header.call = call;
  context_.send(header, {});
  context_.link()->flush();
}

void Calls::return_from_delivery(Kind kind, const ObjectId& object, Payload payload,
                                 std::uint16_t status, std::uint64_t call) {
  auto header = to_home(kind, object);
  header.status = status;
  header.call = call;
  context_.send(header, std::move(payload));  // its references in flight travel on
  context_.link()->flush();
}

void Calls::on_reply(Frame&& frame) {
  const auto call = frame.header.call;
  const auto status = static_cast<Status>(frame.header.status);
  if (const auto pending = pending_.find(call); pending != pending_.end()) {
    pending->second->reply = {status, take_payload(std::move(frame))};
    pending->second->done = true;
    return;
  }
  if (const auto found = handlers_.find(call); found != handlers_.end()) {
    const auto handler = std::move(found->second);
    handlers_.erase(found);
    if (handler) handler({status, take_payload(std::move(frame))});
    return;
  }
  for (const auto& reference : take_payload(std::move(frame)).handles)
    context_.send_count(Kind::drop_flight, reference);
}

void Calls::on_delivery(std::uint64_t call) {
  if (call == 0) return;
  const auto found = handlers_.find(call);
  if (found == handlers_.end()) return;
  const auto handler = std::move(found->second);
  handlers_.erase(found);
  handler({});
}

}  // namespace mpx::detail
