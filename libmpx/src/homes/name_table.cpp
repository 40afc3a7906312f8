#include "homes/name_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mpx::detail {
namespace {

/// A name for people: names may have 4 KiB.
std::string shown(const std::string& name) {
  constexpr std::size_t kMost = 64;
  return name.size() <= kMost ? name : name.substr(0, kMost) + "…";
}

void answer(const FrameHeader& request, const Payload& handle, Outbox& out) {
  out.reply(request, Status::ok, out.counted(0, handle));  // names are kept on rank 0
}

}  // namespace

void NameTable::on(const FrameHeader& request, Payload payload, Outbox& out) {
  if (request.kind < Kind::name_find || request.kind > Kind::name_give_up)
    return refuse_kind(request, payload, out);
  Unpacker in(payload.bytes);
  const auto name = in.get<std::string>();
  if (request.kind == Kind::name_find) return find(request, name, in.get<std::string>(), out);
  const auto found = names_.find(name);
  if (found == names_.end() || found->second.bound || found->second.maker != request.from) {
    out.drop(payload);  // not its to bind
  } else if (request.kind == Kind::name_bind) {
    const auto rest = in.rest();
    bind(found, {Bytes(rest.begin(), rest.end()), std::move(payload.handles)}, out);
  } else {
    pass_on(found, out);
  }
  out.reply(request, Status::ok);
}

void NameTable::find(const FrameHeader& request, const std::string& name, const std::string& type,
                     Outbox& out) {
  const auto [found, fresh] = names_.try_emplace(name);
  auto& entry = found->second;
  if (fresh) {
    entry.type = type;
    entry.maker = request.from;
    being_made_.insert(name);
    return out.reply(request, Status::no);
  }
  if (!entry.bound) return entry.waiting.push_back({request, type});
  if (entry.type == type) return answer(request, entry.handle, out);
  out.reply(request, Status::usage,
            Packer::pack(fmt::format("named(\"{}\") is a {}, and is asked for as a {}", shown(name),
                                     entry.type, type)));
}

void NameTable::bind(Names::iterator entry, Payload handle, Outbox& out) {
  entry->second.bound = true;
  being_made_.erase(entry->first);
  entry->second.handle = std::move(handle);
  for (const auto& waiter : std::exchange(entry->second.waiting, {}))
    find(waiter.request, entry->first, waiter.type, out);
}

std::map<ObjectId, std::string> NameTable::objects() const {
  std::map<ObjectId, std::string> all;
  for (const auto& [name, entry] : names_) {
    if (entry.bound && !entry.handle.handles.empty())
      all[entry.handle.handles[0].object] = shown(name);
  }
  return all;
}

/// Its maker has not made it: the first who waits does, and decides the type.
void NameTable::pass_on(Names::iterator entry, Outbox& out) {
  auto& waiting = entry->second.waiting;
  if (waiting.empty()) {
    being_made_.erase(entry->first);
    names_.erase(entry);
    return;
  }
  entry->second.type = waiting.front().type;
  entry->second.maker = waiting.front().request.from;
  out.reply(waiting.front().request, Status::no);
  waiting.pop_front();
}

void NameTable::on_ended(ProcessId who, const ProcessFacts& /*facts*/, Outbox& out) {
  for (auto at = being_made_.begin(); at != being_made_.end();) {
    const auto entry = names_.find(*at++);
    std::erase_if(entry->second.waiting,
                  [&](const Entry::Waiter& waiter) { return waiter.request.from == who; });
    if (entry->second.maker == who) pass_on(entry, out);
  }
}

}  // namespace mpx::detail
