#include "homes/process_home.hpp"

#include <fmt/format.h>

namespace mpx::detail {

void ProcessHome::on(const FrameHeader& request, Payload payload, Outbox& out) {
  switch (request.kind) {
    case Kind::process_start:
      return start(request, std::move(payload), out);
    case Kind::process_watch:
      if (facts_.ended != 0) return out.reply(request, Status::ok, Packer::pack(facts_));
      watchers_.push_back(request);
      return;
    case Kind::process_poll:
      return out.reply(request, Status::ok, Packer::pack(id_, facts_));
    case Kind::process_signal:
      return directory_.signal(id_, Unpacker(payload.bytes).get<std::int32_t>(), out, request);
    default:
      refuse_kind(request, payload, out);
  }
}

void ProcessHome::start(const FrameHeader& request, Payload payload, Outbox& out) {
  Unpacker in(payload.bytes);
  auto wanted = in.get<StartRequest>();
  if (starting_) {
    out.drop(payload);
    return out.reply(
        request, Status::usage,
        Packer::pack(fmt::format("process '{}' is started a second time", facts_.name)));
  }
  starting_ = true;
  starter_ = request;
  wanted.parent = request.from;
  const auto rest = in.rest();
  Payload call{Bytes(rest.begin(), rest.end()), std::move(payload.handles)};
  directory_.forget(std::exchange(started_, {}));  // that failed to come up
  auto trouble = directory_.start(std::move(wanted), self_, this, std::move(call), started_, out);
  if (!trouble.empty()) {
    starting_ = false;
    out.reply(request, Status::usage, Packer::pack(trouble));
  }
}

void ProcessHome::on_spawned(ProcessId id, const ProcessFacts& facts, Outbox& out) {
  if (!facts.trouble.empty()) {
    starting_ = false;
    return out.reply(starter_, Status::failed,
                     Packer::pack(fmt::format("'{}' cannot be started on rank {}, host {}: {}",
                                              facts.name, facts.rank, facts.host, facts.trouble)));
  }
  id_ = id;
  facts_ = facts;
  out.reply(starter_, Status::ok, Packer::pack(id_, facts_));
}

void ProcessHome::on_process_ended(ProcessId /*id*/, const ProcessFacts& facts, Outbox& out) {
  if (id_ == ProcessId{}) return;  // never came up
  facts_ = facts;
  facts_.ended = 1;
  for (const auto& watcher : watchers_) out.reply(watcher, Status::ok, Packer::pack(facts_));
  watchers_.clear();
}

void ProcessHome::on_cancel(ProcessId from, std::uint64_t call, Outbox& out) {
  std::erase_if(watchers_, [&](const FrameHeader& watcher) {
    if (watcher.from != from || watcher.call != call) return false;
    out.reply(watcher, Status::no);
    return true;
  });
}

void ProcessHome::on_ended(ProcessId who, const ProcessFacts& /*facts*/, Outbox& /*out*/) {
  std::erase_if(watchers_, [&](const FrameHeader& watcher) { return watcher.from == who; });
}

}  // namespace mpx::detail
