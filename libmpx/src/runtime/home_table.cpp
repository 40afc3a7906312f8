#include "runtime/home_table.hpp"

#include <fmt/format.h>

namespace mpx::detail {

Home* HomeTable::find(const ObjectId& id) {
  const auto found = objects_.find(id);
  return found == objects_.end() ? nullptr : found->second.home.get();
}

void HomeTable::count(Entry& entry, ProcessId who, std::int64_t by) {
  const auto holder = entry.holders.try_emplace(who, 0).first;
  holder->second += by;
  if (holder->second == 0) entry.holders.erase(holder);
}

void HomeTable::free_if_unused(Objects::iterator entry, Outbox& out) {
  if (entry->second.in_flight != 0 || !entry->second.holders.empty()) return;
  const auto home = std::move(entry->second.home);
  objects_.erase(entry);
  home->on_freed(out);
}

void HomeTable::on(Frame frame, Outbox& out) {
  const auto header = frame.header;
  if (header.kind == Kind::create) {
    auto home = factory_(header, take_payload(std::move(frame)), out);
    if (!home) return;
    auto& entry = objects_[header.object];
    entry.home = std::move(home);
    count(entry, header.from, 1);
    return;
  }
  const auto found = objects_.find(header.object);
  if (found == objects_.end()) {
    out.drop(take_payload(std::move(frame)));
    out.reply(header, Status::no_object);
    return;
  }
  switch (header.kind) {
    case Kind::add_ref:
      ++found->second.in_flight;
      break;
    case Kind::claim:
      --found->second.in_flight;
      count(found->second, header.from, 1);
      break;
    case Kind::drop:
      count(found->second, header.from, -1);
      break;
    case Kind::drop_flight:
      --found->second.in_flight;
      break;
    case Kind::cancel:
      found->second.home->on_cancel(header.from, header.call, out);
      return;
    default:
      found->second.home->on(header, take_payload(std::move(frame)), out);
      return;
  }
  free_if_unused(found, out);
}

void HomeTable::on_leaving(ProcessId who, Outbox& out) {
  for (auto& [id, entry] : objects_) entry.home->on_leaving(who, out);
}

void HomeTable::on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) {
  std::vector<ObjectId> dropped;
  for (auto& [id, entry] : objects_) {
    entry.home->on_ended(who, facts, out);
    if (entry.holders.erase(who) != 0) dropped.push_back(id);
  }
  for (const auto& id : dropped) {
    if (const auto found = objects_.find(id); found != objects_.end()) free_if_unused(found, out);
  }
}

}  // namespace mpx::detail
