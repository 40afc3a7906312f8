#include "homes/wait_home.hpp"

namespace mpx::detail {

void WaitHome::on(const FrameHeader& request, Payload payload, Outbox& out) {
  switch (request.kind) {
    case Kind::acquire:
      waiters_.push({request});
      return look_again(out);
    case Kind::release:
      return release(request, Unpacker(payload.bytes).get<std::uint64_t>(), out);
    default:
      refuse_kind(request, payload, out);
  }
}

void WaitHome::look_again(Outbox& out) {
  change([](Word word) { return std::optional(word); }, out);
}

void WaitHome::on_cancel(ProcessId from, std::uint64_t call, Outbox& out) {
  const auto waiter = waiters_.take(from, call);
  if (!waiter) return;  // granted already: the answer is on its way
  out.reply(waiter->call, Status::no);
  look_again(out);
}

void WaitHome::on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) {
  const auto waited = waiters_.take_all_of(who);
  on_gone(who, facts, waited, out);
  if (!waited.empty()) look_again(out);
}

void WaitHome::on_freed(Outbox& out) {
  waiters_.answer_all(Status::no_object, {}, out);
  words_.release(word_);
}

}  // namespace mpx::detail
