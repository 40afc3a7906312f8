#include "homes/home_table.hpp"

#include <algorithm>

#include "core/remote_exception.hpp"
#include "wire/well_known.hpp"

namespace mpx::detail {
namespace {

/// Whether it is about references, and wants no answer.
bool counts(Kind kind) { return kind >= Kind::add_ref && kind <= Kind::drop_flight; }

}  // namespace

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
  if (const auto found = objects_.find(id); found != objects_.end()) {
    facts.kind = found->second.home->name();
    found->second.home->tell(facts);
  }
  return facts;
}

void HomeTable::count_in_flight(Entry& entry, ProcessId who, std::int64_t by) {
  const auto found = entry.in_flight.try_emplace(who, 0).first;
  found->second += by;
  if (found->second == 0) entry.in_flight.erase(found);
}

void HomeTable::count_held(Objects::value_type& object, ProcessId who, std::int64_t by) {
  note_user(object, who);
  auto& [home, in_flight, users, holders, last] = object.second;
  auto& held = users[who];
  if (held == 0) ++holders;
  held += by;
  if (held == 0) --holders;
}

void HomeTable::note_user(Objects::value_type& object, ProcessId who) {
  auto& entry = object.second;
  if (entry.last == who) return;  // as of most messages
  entry.last = who;
  if (entry.users.try_emplace(who, 0).second) used_[who].insert(object.first);
}

void HomeTable::free_if_unused(Objects::iterator entry, Outbox& out) {
  if (!entry->second.in_flight.empty() || entry->second.holders != 0) return;
  for (const auto& [who, held] : entry->second.users) {
    const auto used = used_.find(who);
    if (used == used_.end()) continue;
    used->second.erase(entry->first);
    if (used->second.empty()) used_.erase(used);
  }
  const auto home = std::move(entry->second.home);
  objects_.erase(entry);
  home->on_freed(out);
}

void HomeTable::create(Frame frame, Outbox& out) {
  const auto header = frame.header;
  if (is_well_known(header.object) || objects_.contains(header.object)) {
    out.drop(take_payload(std::move(frame)));
    return out.reply(header, Status::usage,
                     Packer::pack(to_string(header.object) + " exists already"));
  }
  auto home = factory_(header, take_payload(std::move(frame)), out);
  if (!home) return;
  auto& object = *objects_.try_emplace(header.object).first;
  object.second.home = std::move(home);
  count_held(object, header.from, 1);
}

/// The object is gone, or was never here.
void HomeTable::refuse_missing(Frame frame, Outbox& out) {
  const auto header = frame.header;
  out.drop(take_payload(std::move(frame)));
  if (!counts(header.kind)) out.reply(header, Status::no_object);
}

/// Who waits for the answer gets the exception.
void HomeTable::handle(Home& home, Frame frame, Outbox& out) {
  const auto header = frame.header;
  if (header.kind == Kind::cancel) return home.on_cancel(header.from, header.call, out);
  try {
    home.on(header, take_payload(std::move(frame)), out);
  } catch (...) {
    if (header.call == 0) throw;
    out.reply(header, Status::error, capture(std::current_exception(), {}));
  }
}

void HomeTable::on_well_known(Frame frame, Outbox& out) {
  const auto found = std::find_if(well_known_.begin(), well_known_.end(), [&](const auto& entry) {
    return entry.first == frame.header.object;
  });
  if (found == well_known_.end()) return refuse_missing(std::move(frame), out);
  if (!counts(frame.header.kind)) handle(*found->second, std::move(frame), out);
}

void HomeTable::on(Frame frame, Outbox& out) {
  const auto header = frame.header;
  if (header.kind == Kind::create) return create(std::move(frame), out);
  if (is_well_known(header.object)) return on_well_known(std::move(frame), out);
  const auto found = objects_.find(header.object);
  if (found == objects_.end()) return refuse_missing(std::move(frame), out);
  auto& entry = found->second;
  const auto counter = counted_reference(header).counter;
  switch (header.kind) {
    case Kind::add_ref:
      count_in_flight(entry, counter, 1);
      break;
    case Kind::claim:
      count_in_flight(entry, counter, -1);
      count_held(*found, header.from, 1);
      break;
    case Kind::drop:
      count_held(*found, header.from, -1);
      break;
    case Kind::drop_flight:
      count_in_flight(entry, counter, -1);
      break;
    default:
      if (header.kind != Kind::cancel) note_user(*found, header.from);
      return handle(*entry.home, std::move(frame), out);
  }
  free_if_unused(found, out);
}

void HomeTable::on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) {
  for (const auto& [id, home] : well_known_) home->on_ended(who, facts, out);
  const auto used = used_.extract(who);
  if (used.empty()) return;
  for (const auto& id : used.mapped()) {
    const auto found = objects_.find(id);
    if (found == objects_.end()) continue;
    auto& [home, in_flight, users, holders, last] = found->second;
    const auto user = users.find(who);
    const bool held = user != users.end() && user->second != 0;
    if (held) home->on_holder_ended(who, facts, out);
    home->on_ended(who, facts, out);
    if (user != users.end()) users.erase(user);
    if (last == who) last.reset();
    if (held) --holders;
  }
  for (const auto& id : used.mapped()) {
    if (const auto found = objects_.find(id); found != objects_.end()) free_if_unused(found, out);
  }
}

}  // namespace mpx::detail
