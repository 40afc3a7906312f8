// Who gets which units of a pool, and when.

#include <algorithm>
#include <bit>

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
  const auto deep = schedule_.as_deep.find(depth);
  return schedule_.running < settings_.processes &&
         (deep == schedule_.as_deep.end() || deep->second < settings_.processes);
}

void PoolHome::enter(Worker& worker) {
  worker.takes = &schedule_.sated;
  worker.gives = &schedule_.spared;
  worker.at_takes = schedule_.sated.insert(schedule_.sated.end(), &worker);
  worker.at_gives = schedule_.spared.insert(schedule_.spared.end(), &worker);
  settle(worker);
}

void PoolHome::take_from(Worker& worker, Row& row) {
  row.splice(row.end(), *std::exchange(worker.takes, &row), worker.at_takes);
}

void PoolHome::give_from(Worker& worker, Row& row) {
  row.splice(row.end(), *std::exchange(worker.gives, &row), worker.at_gives);
}

/// Something has happened to a process: it goes where it belongs now.
void PoolHome::settle(Worker& worker) {
  count(worker, worker.outstanding != 0, worker.outstanding != 0 && !worker.waiting,
        worker.outstanding == 0 && !worker.quitting, worker.recalling);
  const bool listens = worker.ready && !worker.waiting && !worker.recalling && !worker.quitting;
  take_from(worker, !listens                  ? schedule_.sated
                    : worker.outstanding == 0 ? schedule_.idle
                                              : schedule_.hungry[worker.depth]);
  const bool gives = worker.outstanding > 1 && !worker.waiting && !worker.recalling &&
                     !worker.quitting && !worker.recalled_all;
  const auto bits = static_cast<std::size_t>(std::bit_width(worker.outstanding));
  give_from(worker, gives ? schedule_.victims[bits] : schedule_.spared);
}

void PoolHome::leave(Worker& worker) {
  count(worker, false, false, false, false);
  worker.takes->erase(worker.at_takes);
  worker.gives->erase(worker.at_gives);
}

/// The units that a process has are of one depth, which changes only while it has none.
void PoolHome::count(Worker& worker, bool busy, bool runs, bool free, bool recalled) {
  const auto note = [](std::uint64_t& sum, bool& was, bool is) {
    if (was != is) sum += is ? 1 : std::uint64_t(-1);
    was = is;
  };
  if (busy != worker.busy) {
    note(schedule_.as_deep[worker.depth], worker.busy, busy);
    if (schedule_.as_deep[worker.depth] == 0) schedule_.as_deep.erase(worker.depth);
  }
  note(schedule_.running, worker.runs, runs);
  note(schedule_.free, worker.free, free);
  note(schedule_.recalls, worker.recalled, recalled);
}

/// The batch of the next units for a process that has none; null: there are none that it may take.
PoolBatch* PoolHome::batch_for_idle() const {
  for (const auto& [depth, batches] : pending_.levels()) {
    // Without extra processes, one that is idle has a slot.
    if (workers_.size() <= settings_.processes || has_slot(depth)) return batches.front();
  }
  return nullptr;
}

void PoolHome::fill(Outbox& out) {
  // The idle first: what was recalled for them must not go back where it came from.
  fill_idle(out);
  fill_hungry(out);
  start_extra(out);
  recall_for_idle(out);
}

void PoolHome::fill_idle(Outbox& out) {
  while (!schedule_.idle.empty()) {
    auto* const batch = batch_for_idle();
    if (batch == nullptr || !fill_one(*schedule_.idle.front(), *batch, out)) return;
  }
}

/// Units of different depths do not wait behind each other in a process.
void PoolHome::fill_hungry(Outbox& out) {
  const auto& levels = pending_.levels();
  for (auto level = levels.begin(); level != levels.end();) {
    const auto depth = level->first;
    const auto row = schedule_.hungry.find(depth);
    while (level != levels.end() && row != schedule_.hungry.end() && !row->second.empty()) {
      auto& worker = *row->second.front();
      if (!fill_one(worker, *level->second.front(), out)) take_from(worker, schedule_.sated);
      level = levels.find(depth);
    }
    if (row != schedule_.hungry.end() && row->second.empty()) schedule_.hungry.erase(row);
    level = levels.upper_bound(depth);
  }
}

/// Gives a process its next chunk, if it should have one. False if nothing was given.
bool PoolHome::fill_one(Worker& worker, PoolBatch& batch, Outbox& out) {
  const auto chunk = std::min(batch.head().chunk, kMostTogether);
  const auto together = chunk != 0 ? chunk : batch.size();
  // A process must live to be trusted with more: what it has not begun comes back when it dies.
  const auto trust = std::max<std::uint64_t>(2, 2 * (worker.given - worker.outstanding));
  const auto want = std::min({window(batch), kMostMessages * together, trust});
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
  dispatch(worker, batch, pending_.take(batch, units), out);
  worker.given == settings_.max_tasks_per_child
      ? quit(worker, out)  // 0, no limit, is never reached
      : settle(worker);
  return true;
}

void PoolHome::dispatch(Worker& worker, const PoolBatch& batch, PoolUnits units, Outbox& out) {
  if (worker.known.insert(batch.head().function).second) {
    const auto& call = functions_[batch.head().function].call;
    out.deliver(Kind::pool_learn, worker.id, self_, 0, out.counted(self_.home, call));
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
  out.send(make_frame_apart(to_process(Kind::pool_tasks, worker.id, self_),
                            batch.tasks(units.first, units.end, out)));
}

/// Units wait for slots that waiting processes have lent: starts processes for them. They stay.
void PoolHome::start_extra(Outbox& out) {
  if (waiting_ == 0 || pending_.empty()) return;
  const auto& levels = pending_.levels();
  const bool wanted = std::any_of(levels.begin(), levels.end(),
                                  [&](const auto& level) { return has_slot(level.first); });
  while (wanted && schedule_.free < pending_.units() &&
         workers_.size() - waiting_ < settings_.processes && start_process(out)) {
  }
}

void PoolHome::recall(Worker& worker, Outbox& out) {
  if (std::exchange(worker.recalling, true)) return;
  settle(worker);
  out.send(make_frame(to_process(Kind::recall, worker.id, self_), {}));
}

/// Nothing is left to hand out and processes are idle: what waits behind others' current units comes
/// back, from one process for each idle one.
void PoolHome::recall_for_idle(Outbox& out) {
  constexpr int kLooks = 16;  // at processes that give nothing back now
  if (!pending_.empty()) return;
  int looks = 0;
  for (auto row = schedule_.victims.rbegin(); row != schedule_.victims.rend(); ++row) {
    for (auto next = row->begin(); next != row->end();) {
      if (schedule_.recalls >= schedule_.idle.size() || looks > kLooks) return;
      auto& worker = **next++;
      if (!may_give_back(worker)) {
        give_from(worker, schedule_.spared);
      } else if (workers_.size() > settings_.processes && !has_slot(worker.depth)) {
        ++looks;
      } else {
        recall(worker, out);
      }
    }
  }
}

/// A chunk of a given size stays whole: recalled before it was begun, it would go to the same process
/// again and be recalled again, without end.
bool PoolHome::may_give_back(const Worker& worker) {
  const auto* const last = worker.assigned.empty() ? nullptr : find(worker.assigned.back().batch);
  const auto together = last == nullptr ? 0 : std::min(last->head().chunk, kMostTogether);
  return worker.outstanding > std::max<std::uint64_t>(together, 1);
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
