#include "runtime/home_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/remote_exception.hpp"

namespace mpx::detail {

Home* HomeTable::find(const ObjectId& id) {
  const auto found = objects_.find(id);
  return found == objects_.end() ? nullptr : found->second.home.get();
}

std::vector<std::string> HomeTable::unfinished() const {
  std::vector<std::string> all;
  for (const auto& [id, entry] : objects_) {
    if (auto text = entry.home->unfinished(); !text.empty()) all.push_back(std::move(text));
  }
  std::sort(all.begin(), all.end());
  return all;
}

ObjectFacts HomeTable::facts(const ObjectId& id) const {
  ObjectFacts facts;
  facts.object = id;
  if (const auto found = objects_.find(id); found != objects_.end())
    found->second.home->tell(facts);
  return facts;
}

void HomeTable::count(Counts& counts, ProcessId who, std::int64_t by) {
  const auto found = counts.try_emplace(who, 0).first;
  found->second += by;
  if (found->second == 0) counts.erase(found);
}

void HomeTable::free_if_unused(Objects::iterator entry, Outbox& out) {
  if (!entry->second.in_flight.empty() || !entry->second.holders.empty()) return;
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
    count(entry.holders, header.from, 1);
    return;
  }
  const auto found = objects_.find(header.object);
  if (found == objects_.end()) {
    out.drop(take_payload(std::move(frame)));
    const bool counts = header.kind >= Kind::add_ref && header.kind <= Kind::drop_flight;
    if (!counts) out.reply(header, Status::no_object);
    return;
  }
  auto& [home, in_flight, holders] = found->second;
  const auto counter = counted_reference(header).counter;
  switch (header.kind) {
    case Kind::add_ref:
      count(in_flight, counter, 1);
      break;
    case Kind::claim:
      count(in_flight, counter, -1);
      count(holders, header.from, 1);
      break;
    case Kind::drop:
      count(holders, header.from, -1);
      break;
    case Kind::drop_flight:
      count(in_flight, counter, -1);
      break;
    case Kind::cancel:
      home->on_cancel(header.from, header.call, out);
      return;
    default:
      try {
        home->on(header, take_payload(std::move(frame)), out);
      } catch (...) {  // who waits for the answer gets the exception
        if (header.call == 0) throw;
        out.reply(header, Status::error, capture(std::current_exception(), {}));
      }
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
    if (entry.holders.contains(who)) entry.home->on_holder_ended(who, facts, out);
    entry.home->on_ended(who, facts, out);
    if (entry.holders.erase(who) != 0) dropped.push_back(id);
  }
  for (const auto& id : dropped) {
    if (const auto found = objects_.find(id); found != objects_.end()) free_if_unused(found, out);
  }
}

}  // namespace mpx::detail
