// Who gets which units of a pool, and when.

#include <algorithm>

#include "homes/pool_home.hpp"

namespace mpx::detail {
namespace {

constexpr std::chrono::nanoseconds kCover = std::chrono::milliseconds(1);
constexpr std::uint64_t kMostUnits = std::uint64_t{1} << 16;  // ahead, by measured time
constexpr std::uint64_t kMostBytes = std::uint64_t{4} << 20;  // … of elements
constexpr std::uint64_t kMostMessages = 2048;
constexpr std::uint64_t kMostTogether = std::uint64_t{1} << 24;  // fits a claim slot's numbers

}  // namespace

/// How many units of the batch a process should have.
std::uint64_t PoolHome::window(const PoolBatch& batch) const {
  const auto function = functions_.find(batch.head().function);
  if (function == functions_.end() || function->second.task_ns < 0) return 2;
  const auto units = static_cast<double>(kCover.count()) / std::max(function->second.task_ns, 1.0);
  const auto most = std::min(kMostUnits, kMostBytes / (batch.mean_bytes() + 1));
  return std::max<std::uint64_t>(2, std::min(static_cast<std::uint64_t>(units), most));
}

void PoolHome::measure(const std::unordered_set<std::uint64_t>& functions, double each_ns) {
  for (const auto name : functions) {
    auto& smoothed = functions_[name].task_ns;
    smoothed = smoothed < 0 ? each_ns : 0.75 * smoothed + 0.25 * each_ns;
  }
}

/// Whether one more process may be in units of this depth.
bool PoolHome::has_slot(std::uint64_t depth) const {
  std::uint64_t running = 0, as_deep = 0;
  for (const auto& [id, worker] : workers_) {
    if (worker.outstanding == 0) continue;
    running += worker.waiting ? 0 : 1;
    as_deep += worker.depth == depth ? 1 : 0;
  }
  return running < settings_.processes && as_deep < settings_.processes;
}

/// The batch of the next units for this process; null if there are none. Units of different depths
/// do not wait behind each other.
PoolBatch* PoolHome::batch_for(const Worker& worker) const {
  for (const auto& [depth, batches] : pending_.levels()) {
    // Without extra processes, one that is idle has a slot.
    if (worker.outstanding != 0 ? worker.depth == depth
                                : workers_.size() <= settings_.processes || has_slot(depth))
      return batches.front();
  }
  return nullptr;
}

void PoolHome::fill(Outbox& out) {
  // The idle first: what was recalled for them must not go back where it came from.
  for (auto& [id, worker] : workers_) {
    if (worker.outstanding == 0) fill_one(id, worker, out);
  }
  for (bool some = true; some && !pending_.empty();) {
    some = false;
    for (auto& [id, worker] : workers_) some |= fill_one(id, worker, out);
  }
  start_extra(out);
  recall_for_idle(out);
}

/// Gives a process its next chunk, if it should have one. False if nothing was given.
bool PoolHome::fill_one(ProcessId id, Worker& worker, Outbox& out) {
  if (!worker.ready || worker.waiting || worker.recalling || worker.quitting) return false;
  auto* const batch = batch_for(worker);
  if (batch == nullptr) return false;
  const auto chunk = std::min(batch->head().chunk, kMostTogether);
  const auto together = chunk != 0 ? chunk : batch->size();
  // A process must live to be trusted with more: what it has not begun comes back when it dies.
  const auto trust = std::max<std::uint64_t>(2, 2 * (worker.given - worker.outstanding));
  const auto want = std::min({window(*batch), kMostMessages * together, trust});
  // Two chunks at least are under way, so that the next is there when one is finished.
  if (worker.outstanding >= std::max(want, 2 * chunk) ||
      (worker.outstanding > 0 && worker.outstanding + chunk > std::max(want, 2 * chunk)))
    return false;
  auto units = chunk;
  if (units == 0) {
    const auto share = (pending_.units() + 2 * workers_.size() - 1) / (2 * workers_.size());
    // A chunk is at most half of the window: the other half is worked on while it travels.
    units =
        std::clamp<std::uint64_t>(std::min(share, (want + 1) / 2), 1, want - worker.outstanding);
  }
  if (settings_.max_tasks_per_child != 0) {
    units = std::min(units, settings_.max_tasks_per_child - worker.given);
  }
  dispatch(id, worker, *batch, pending_.take(*batch, units), out);
  if (worker.given == settings_.max_tasks_per_child) {  // 0, no limit, is never reached
    worker.quitting = true;
    out.deliver(Kind::pool_quit, id, self_, 0, {});
  }
  return true;
}

void PoolHome::dispatch(ProcessId id, Worker& worker, const PoolBatch& batch, PoolUnits units,
                        Outbox& out) {
  if (worker.known.insert(batch.head().function).second) {
    const auto& call = functions_[batch.head().function].call;
    out.deliver(Kind::pool_learn, id, self_, 0, out.counted(self_.home, call));
  }
  const auto count = units.end - units.first;
  worker.depth = batch.head().depth;
  worker.outstanding += count;
  worker.given += count;
  worker.recalled_all = false;
  if (!worker.assigned.empty() && worker.assigned.back().batch == batch.number() &&
      worker.assigned.back().end == units.first) {
    worker.assigned.back().end = units.end;
  } else {
    worker.assigned.push_back({batch.number(), units.first, units.end});
  }
  out.deliver(Kind::pool_tasks, id, self_, 0, batch.tasks(units.first, units.end, out));
}

/// Units wait for slots that waiting processes have lent: starts processes for them. They stay.
void PoolHome::start_extra(Outbox& out) {
  if (waiting_ == 0 || pending_.empty()) return;
  std::uint64_t idle = 0;
  for (const auto& [id, worker] : workers_)
    idle += worker.outstanding == 0 && !worker.quitting ? 1 : 0;
  const auto& levels = pending_.levels();
  const bool wanted = std::any_of(levels.begin(), levels.end(),
                                  [&](const auto& level) { return has_slot(level.first); });
  while (wanted && idle < pending_.units() && workers_.size() - waiting_ < settings_.processes &&
         start_process(out)) {
    ++idle;
  }
}

void PoolHome::recall(ProcessId id, Worker& worker, Outbox& out) {
  if (std::exchange(worker.recalling, true)) return;
  out.send(make_frame(to_process(Kind::recall, id, self_), {}));
}

/// Nothing is left to hand out and a process is idle: what waits behind others' current units comes
/// back.
void PoolHome::recall_for_idle(Outbox& out) {
  if (!pending_.empty()) return;
  const bool idle = std::any_of(workers_.begin(), workers_.end(), [](const auto& entry) {
    return entry.second.ready && entry.second.outstanding == 0 && !entry.second.quitting;
  });
  if (!idle) return;
  for (auto& [id, worker] : workers_) {
    // A chunk of a given size stays whole: recalled before it was begun, it would go to the same
    // process again and be recalled again, without end.
    const auto* const last = worker.assigned.empty() ? nullptr : find(worker.assigned.back().batch);
    const auto together = last == nullptr ? 0 : std::min(last->head().chunk, kMostTogether);
    if (worker.outstanding <= std::max<std::uint64_t>(together, 1) || worker.waiting ||
        worker.quitting || worker.recalled_all ||
        (workers_.size() > settings_.processes && !has_slot(worker.depth)))
      continue;
    recall(id, worker, out);
  }
}

void PoolHome::take_back(Worker& worker, std::uint64_t units) {
  while (units != 0 && !worker.assigned.empty()) {
    auto& last = worker.assigned.back();
    const auto part = std::min(units, last.end - last.next);
    last.end -= part;
    if (auto* const batch = find(last.batch); batch != nullptr)  // else nobody wants them any more
      pending_.put_back(*batch, {last.end, last.end + part});
    worker.outstanding -= part;
    worker.given -= part;
    units -= part;
    if (last.next == last.end) worker.assigned.pop_back();
  }
}

/// A process has finished units: they are not with it any more. It sends them in order, and at its
/// end perhaps the last of them twice.
void PoolHome::book(Worker& worker, const PoolRecord& record) {
  auto next = record.first;
  const auto end = record.first + record.count;
  while (next != end && !worker.assigned.empty()) {
    auto& front = worker.assigned.front();
    if (front.batch != record.batch || front.next != next) return;
    const auto part = std::min(end - next, front.end - front.next);
    next += part;
    front.next += part;
    worker.outstanding -= part;
    worker.finished += static_cast<std::uint32_t>(part);
    if (front.next == front.end) worker.assigned.pop_front();
  }
}

}  // namespace mpx::detail
