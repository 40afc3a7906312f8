#include "homes/directory.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <set>
#include <utility>

namespace mpx::detail {

Directory::Directory(std::vector<RankSlots> ranks)
    : ranks_(std::move(ranks)), candidates_(Willing{ranks_}) {
  for (int rank = 0; rank < static_cast<int>(ranks_.size()); ++rank) {
    const auto& its = ranks_[static_cast<std::size_t>(rank)];
    slot_count_ += its.slots;
    if (its.starts) candidates_.insert(rank);
  }
  slot_count_ = std::max<std::size_t>(slot_count_, 1);
}

// Compares (no free slot, load) as a fraction without dividing; ranks without slots come last.
bool Directory::Willing::operator()(int one, int other) const {
  const auto& a = ranks[static_cast<std::size_t>(one)];
  const auto& b = ranks[static_cast<std::size_t>(other)];
  const bool a_free = a.live < a.slots, b_free = b.live < b.slots;
  if (a_free != b_free) return a_free;
  if ((a.slots == 0) != (b.slots == 0)) return b.slots == 0;
  const auto a_load = a.live * b.slots, b_load = b.live * a.slots;
  return a_load != b_load ? a_load < b_load : one < other;
}

void Directory::load(int rank, int more) {
  auto& its = ranks_[static_cast<std::size_t>(rank)];
  const auto asked = on_host_.find(its.host);
  if (its.starts) {
    candidates_.erase(rank);
    if (asked != on_host_.end()) asked->second.erase(rank);
  }
  its.live += static_cast<std::size_t>(more);
  if (its.starts) {
    candidates_.insert(rank);
    if (asked != on_host_.end()) asked->second.insert(rank);
  }
}

const Directory::Candidates& Directory::on_host(const std::string& host) {
  const auto known = on_host_.find(host);
  if (known != on_host_.end()) return known->second;
  auto& its = on_host_.try_emplace(host, Willing{ranks_}).first->second;
  for (const int rank : candidates_) {
    if (ranks_[static_cast<std::size_t>(rank)].host == host) its.insert(rank);
  }
  return its;
}

std::vector<ProcessId> Directory::live_in_order() const {
  std::vector<ProcessId> all;
  for (const auto& [id, record] : records_) all.push_back(id);
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<std::string> Directory::names_on(int rank) const {
  std::vector<std::string> names;
  for (const auto id : live_in_order()) {
    if (id.rank() == rank) names.push_back(fmt::format("'{}'", records_.at(id).facts.name));
  }
  return names;
}

std::string Directory::place(const StartRequest& request, int& rank) {
  const auto size = static_cast<int>(ranks_.size());
  if (request.rank >= size || request.rank < -1) {
    return fmt::format("cannot start process '{}' on rank {}: the job has ranks 0 to {}",
                       request.name, request.rank, size - 1);
  }
  constexpr auto kUnprepared =
      "cannot start process '{}'{}: mpx::prepare() was not called there before MPI_Init";
  rank = request.rank;
  if (rank >= 0) {
    if (!ranks_[static_cast<std::size_t>(rank)].starts)
      return fmt::format(kUnprepared, request.name, fmt::format(" on rank {}", rank));
    if (request.host.empty() || request.host == ranks_[static_cast<std::size_t>(rank)].host)
      return {};
    return fmt::format(
        "cannot start process '{}' on rank {} and on host '{}': that rank is on host '{}'",
        request.name, rank, request.host, ranks_[static_cast<std::size_t>(rank)].host);
  }
  const auto& candidates = request.host.empty() ? candidates_ : on_host(request.host);
  if (!candidates.empty()) rank = *candidates.begin();
  if (rank >= 0) return {};
  if (request.host.empty()) return fmt::format(kUnprepared, request.name, " on any rank");
  return fmt::format(
      "cannot start process '{}' on host '{}': no rank is there; the hosts of this job are {}",
      request.name, request.host, hosts());
}

std::string Directory::hosts() const {
  std::set<std::string> all;
  for (const auto& rank : ranks_) all.insert(rank.host);
  return fmt::format("{}", fmt::join(all, ", "));
}

std::string Directory::start(StartRequest request, const ObjectId& object, Observer* observer,
                             Payload call, ProcessId& id, Outbox& out) {
  if (const auto parent = records_.find(request.parent);
      parent != records_.end() && parent->second.request.daemon != 0) {
    out.drop(call);
    return fmt::format(
        "cannot start process '{}': its parent '{}' is a daemon, and daemons may not have children",
        request.name, parent->second.facts.name);
  }
  int rank = -1;
  if (auto trouble = place(request, rank); !trouble.empty()) {
    out.drop(call);
    return trouble;
  }
  const auto& slots = ranks_[static_cast<std::size_t>(rank)];
  id = ProcessId(rank, ++serials_[rank]);
  if (request.name.empty()) request.name = fmt::format("Process-{}.{}", rank, id.serial());
  request.cpu_count = slot_count();
  load(rank, 1);
  auto& record = records_[id];
  record.facts = {request.name, slots.host, rank, 0, 0, 0};
  record.request = request;
  record.object = object;
  record.observer = observer;
  if (request.in_pool == 0) {
    auto& family = families_[request.parent];
    (request.daemon != 0 ? family.daemons : family.others).insert(id);
  }
  const auto header = to_process(Kind::spawn, id);
  auto head = Packer::pack(request);
  head.insert(head.end(), call.bytes.begin(), call.bytes.end());
  out.send(make_frame(header, Payload{std::move(head), std::move(call.handles)}));
  if (!object.empty()) {  // a live process holds its own Process object
    auto hold = count_header(Kind::add_ref, {object, id});
    hold.from = id;
    out.send(make_frame(hold, {}));
    hold.kind = Kind::claim;
    out.send(make_frame(hold, {}));
  }
  return {};
}

void Directory::on(const FrameHeader& request, Payload payload, Outbox& out) {
  switch (request.kind) {
    case Kind::spawned: {
      const auto [pid, trouble] = Unpacker::unpack<std::int32_t, std::string>(payload.bytes);
      return on_spawned(request.from, pid, trouble, out);
    }
    case Kind::await_children:
      return await_children(request, out);
    case Kind::list_children:
      return list_children(request, out);
    default:
      refuse_kind(request, payload, out);
  }
}

void Directory::on_spawned(ProcessId id, int pid, const std::string& trouble, Outbox& out) {
  const auto found = records_.find(id);
  if (found == records_.end()) return;
  auto& facts = found->second.facts;
  facts.pid = pid;
  facts.trouble = trouble;
  if (found->second.observer != nullptr) found->second.observer->on_spawned(id, facts, out);
}

void Directory::on_ended(ProcessId id, const ProcessFacts& facts, Outbox& out) {
  const auto found = records_.find(id);
  if (found == records_.end()) return;
  const auto record = std::move(found->second);
  records_.erase(found);
  load(id.rank().number(), -1);
  if (record.observer != nullptr) record.observer->on_process_ended(id, facts, out);
  if (auto own = families_.extract(id)) {  // a daemon ends with its parent
    for (const auto child : own.mapped().daemons) signal(child, SIGKILL, out);
  }
  leave_family(id, record.request, out);
}

void Directory::leave_family(ProcessId child, const StartRequest& request, Outbox& out) {
  const auto found = families_.find(request.parent);
  if (found == families_.end()) return;  // its parent has ended
  auto& family = found->second;
  family.daemons.erase(child);
  if (family.others.erase(child) != 0 && family.others.empty()) {
    for (const auto& awaiting : std::exchange(family.awaiting, {})) out.reply(awaiting, Status::ok);
  }
  if (family.empty()) families_.erase(found);
}

void Directory::attend(ProcessId owner, const ObjectId& object, Observer* observer) {
  families_[owner].attending[object] = observer;
}

void Directory::attend_no_more(ProcessId owner, const ObjectId& object) {
  const auto found = families_.find(owner);
  if (found == families_.end()) return;  // it has ended
  found->second.attending.erase(object);
  if (found->second.empty()) families_.erase(found);
}

void Directory::forget(ProcessId id) {
  if (const auto found = records_.find(id); found != records_.end())
    found->second.observer = nullptr;
}

void Directory::signal(ProcessId id, std::int32_t signo, Outbox& out,
                       const FrameHeader& request) const {
  if (!records_.contains(id)) return out.reply(request, Status::ok);
  auto header = to_process(Kind::signal, id, request.object);
  header.from = request.from;
  header.call = request.call;
  out.send(make_frame(header, Payload{Packer::pack(signo), {}}));
}

std::vector<std::pair<ProcessId, ProcessFacts>> Directory::processes() const {
  std::vector<std::pair<ProcessId, ProcessFacts>> all;
  for (const auto id : live_in_order()) all.emplace_back(id, records_.at(id).facts);
  return all;
}

/// What lives only for request.from ends; it is answered when its children have ended.
void Directory::await_children(const FrameHeader& request, Outbox& out) {
  const auto found = families_.find(request.from);
  if (found == families_.end()) return out.reply(request, Status::ok);
  for (const auto& [object, observer] : found->second.attending) observer->on_leaving(out);
  for (const auto daemon : found->second.daemons) signal(daemon, SIGTERM, out);
  if (found->second.others.empty()) return out.reply(request, Status::ok);
  found->second.awaiting.push_back(request);
}

void Directory::list_children(const FrameHeader& request, Outbox& out) const {
  Payload children;
  if (const auto found = families_.find(request.from); found != families_.end()) {
    for (const auto* part : {&found->second.daemons, &found->second.others}) {
      for (const auto child : *part) {
        if (const auto& object = records_.at(child).object; !object.empty())
          children.handles.push_back({object, {}});
      }
    }
  }
  out.reply(request, Status::ok, out.counted(0, std::move(children)));
}

}  // namespace mpx::detail
