#include "homes/semaphore_home.hpp"

#include <fmt/format.h>

#include "core/log.hpp"

namespace mpx::detail {

void SemaphoreHome::on(const FrameHeader& request, Payload payload, Outbox& out) {
  if (request.kind == Kind::permits)
    return hold(request.from, Unpacker(payload.bytes).get<std::int64_t>());
  WaitHome::on(request, std::move(payload), out);
}

void SemaphoreHome::tell(ObjectFacts& facts) const {
  for (const auto& [who, count] : held_) facts.permits.push_back({self_, who, count});
}

void SemaphoreHome::hold(ProcessId who, std::int64_t more) {
  if (who.is_rank()) return;  // its end is the end of the job
  const auto found = held_.try_emplace(who, 0).first;
  found->second += more;
  if (found->second == 0) held_.erase(found);
}

void SemaphoreHome::release(const FrameHeader& request, std::uint64_t n, Outbox& out) {
  const bool done =
      change([&](Word word) { return SemaphoreWord::given(word, n, settings_.most); }, out);
  if (!done) {
    return refuse(request,
                  fmt::format("release of {} of a semaphore that may have {} free permits, and has "
                              "{}",
                              n, settings_.most, SemaphoreWord::count(load())),
                  out);
  }
  hold(request.from, -static_cast<std::int64_t>(n));
  out.reply(request, Status::ok);
}

void SemaphoreHome::on_gone(ProcessId who, const ProcessFacts& facts, const Gone& /*waited*/,
                            Outbox& out) {
  const auto found = held_.find(who);
  if (found == held_.end()) return;
  const auto held = found->second;
  held_.erase(found);
  if (held <= 0) return;
  const auto n = static_cast<std::uint64_t>(held);
  const auto text = fmt::format(
      "process '{}' (rank {}, host {}, pid {}, exit code {}) ended while it held {} permit{} of "
      "semaphore {}; {}",
      facts.name, facts.rank, facts.host, facts.pid, facts.exit_code, n, n == 1 ? "" : "s",
      to_string(self_),
      settings_.owned != 0 ? "they are given back" : "they are lost (SemaphoreOptions::owned)");
  if (facts.exit_code != 0) {
    log_warn("{}", text);
  } else {
    log_info("{}", text);
  }
  if (settings_.owned == 0) return;
  change(
      [&](Word word) {  // another process may have released for it: never above the bound
        const auto room = settings_.most - std::min(settings_.most, SemaphoreWord::count(word));
        return std::optional(word + std::min(n, room));
      },
      out);
}

}  // namespace mpx::detail
