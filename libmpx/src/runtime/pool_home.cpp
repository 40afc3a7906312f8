#include "runtime/pool_home.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "core/claims.hpp"
#include "core/remote_exception.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {

PoolHome::PoolHome(const ObjectId& self, ProcessId owner, Directory& directory,
                   PoolSettings settings)
    : self_(self), owner_(owner), directory_(directory), settings_(std::move(settings)) {
  if (settings_.processes == 0) settings_.processes = directory_.slot_count();
  if (settings_.name.empty()) settings_.name = "Pool";
}

void PoolHome::on(const FrameHeader& request, Payload payload, Outbox& out) {
  switch (request.kind) {
    case Kind::pool_open:
      return open(request, std::move(payload), out);
    case Kind::pool_submit:
      return submit(request, std::move(payload), out);
    case Kind::pool_function: {
      const auto id = Unpacker(payload.bytes).get<std::uint64_t>();
      if (!functions_.try_emplace(id, std::move(payload)).second) out.drop(payload);
      return;
    }
    case Kind::pool_close:
      return close(request, out);
    case Kind::pool_terminate:
      terminate(out);
      return out.reply(request, Status::ok);
    case Kind::pool_join:
      return join(request, out);
    case Kind::pool_ready:
      if (request.status == static_cast<std::uint16_t>(Status::error)) {
        broken_ = std::move(payload.bytes);
        return fail_all(Status::error, broken_, out);
      }
      if (const auto worker = workers_.find(request.from); worker != workers_.end())
        worker->second.ready = true;
      return fill(out);
    case Kind::left:
      return;  // on_ended() knows more
    case Kind::pool_done:
      return on_done(request, std::move(payload), out);
    case Kind::recalled:
      return on_recalled(request.from, Unpacker(payload.bytes).get<std::uint32_t>(), out);
    default:
      out.drop(payload);
      out.reply(request, Status::usage, Packer::pack(std::string("not an operation of a Pool")));
  }
}

void PoolHome::open(const FrameHeader& request, Payload payload, Outbox& out) {
  initializer_ = std::move(payload);
  start_processes(out);
  out.reply(request, Status::ok, Packer::pack(settings_.processes));
}

void PoolHome::start_processes(Outbox& out) {
  while (!terminated_ && broken_.empty() && workers_.size() < settings_.processes) {
    StartRequest request;
    request.name = fmt::format("{}Worker-{}", settings_.name, next_worker_++);
    request.in_pool = 1;
    request.pool = self_;
    request.parent = owner_;
    for (const auto& id : initializer_.handles) {
      FrameHeader hold;
      hold.kind = Kind::add_ref;
      hold.object = id;
      out.send(make_frame(hold, {}));
    }
    ProcessId id;
    const auto trouble = directory_.start(std::move(request), {}, nullptr, initializer_, id, out);
    if (!trouble.empty()) {
      broken_ = capture(std::make_exception_ptr(LaunchError(trouble)), {});
      return fail_all(Status::error, broken_, out);
    }
    workers_[id];
  }
}

void PoolHome::submit(const FrameHeader& request, Payload payload, Outbox& out) {
  if (closed_ || terminated_) {
    out.drop(payload);
    return out.reply(
        request, Status::usage,
        Packer::pack(fmt::format("{} is {}: no task can be submitted to it any more",
                                 settings_.name, terminated_ ? "terminated" : "closed")));
  }
  Unpacker in(payload.bytes);
  const auto number = next_batch_++;
  auto& batch = batches_[number];
  batch.number = number;
  batch.request = request;
  batch.submitter_batch = in.get<std::uint64_t>();
  batch.function = in.get<std::uint64_t>();
  const auto count = in.get<std::uint64_t>();
  batch.chunk = in.get<std::uint64_t>();
  batch.handles = std::move(payload.handles);
  if (count > in.rest().size())
    throw CodecError("a submission to a pool holds an impossible count");
  batch.ends.reserve(count);
  batch.elements.reserve(in.rest().size());
  std::uint32_t handles = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!batch.handles.empty()) batch.first_handle.push_back(handles);
    handles += in.get<std::uint32_t>();
    const auto element = in.view();
    batch.elements.insert(batch.elements.end(), element.begin(), element.end());
    batch.ends.push_back(batch.elements.size());
  }
  batch.done.assign(count, false);
  batch.left = count;
  if (count == 0) {
    out.reply(request, Status::ok);
    return drop_batch(number, out);
  }
  pending_.push_back({&batch, 0, count, number});
  pending_units_ += count;
  out.reply(request, Status::ok);
  if (!broken_.empty()) return fail_all(Status::error, broken_, out);
  fill(out);
}

std::uint64_t PoolHome::window() const {
  if (task_ns_ < 0) return 2;
  const auto units = static_cast<double>(kCover.count()) / std::max(task_ns_, 1.0);
  return std::clamp<std::uint64_t>(static_cast<std::uint64_t>(std::min(units, 1e9)), 2, kMostAhead);
}

void PoolHome::fill(Outbox& out) {
  // The idle first: what was recalled for them must not go back where it came from.
  for (auto& [id, worker] : workers_) {
    if (worker.outstanding == 0) fill_one(id, worker, out);
  }
  for (bool some = true; some && pending_units_ != 0;) {
    some = false;
    for (auto& [id, worker] : workers_) some |= fill_one(id, worker, out);
  }
  recall_for_idle(out);
}

/// Gives a process its next chunk, if it should have one. False if nothing was given.
bool PoolHome::fill_one(ProcessId id, Worker& worker, Outbox& out) {
  if (!worker.ready || worker.recalling || worker.quitting || pending_.empty()) return false;
  auto& range = pending_.front();
  const auto chunk = range.batch->chunk;
  const auto want = window();
  // Two chunks at least are under way, so that the next is there when one is finished.
  if (worker.outstanding >= std::max(want, 2 * chunk) ||
      (worker.outstanding > 0 && worker.outstanding + chunk > std::max(want, 2 * chunk)))
    return false;
  auto units = chunk;
  if (units == 0) {
    const auto share = (pending_units_ + 2 * workers_.size() - 1) / (2 * workers_.size());
    // A chunk is at most half of the window: the other half is worked on while it travels.
    units =
        std::clamp<std::uint64_t>(std::min(share, (want + 1) / 2), 1, want - worker.outstanding);
  }
  if (settings_.max_tasks_per_child != 0) {
    units = std::min(units, settings_.max_tasks_per_child - worker.given);
  }
  units = std::min(units, range.end - range.next);
  const Range part{range.batch, range.next, range.next + units, range.number};
  range.next += units;
  if (range.next == range.end) pending_.pop_front();
  pending_units_ -= units;
  dispatch(id, worker, part, out);
  if (worker.given == settings_.max_tasks_per_child) {  // 0, no limit, is never reached
    worker.quitting = true;
    out.deliver(Kind::pool_quit, id, self_, 0, {});
  }
  return true;
}

void PoolHome::dispatch(ProcessId id, Worker& worker, Range range, Outbox& out) {
  auto& batch = *range.batch;
  if (worker.known.insert(batch.function).second) {
    const auto& function = functions_[batch.function];
    for (const auto& object : function.handles) {
      FrameHeader hold;
      hold.kind = Kind::add_ref;
      hold.object = object;
      out.send(make_frame(hold, {}));
    }
    out.deliver(Kind::pool_learn, id, self_, 0, Payload(function));
  }
  const auto units = range.end - range.next;
  const auto begin = range.next == 0 ? 0 : batch.ends[range.next - 1];
  Packer body;
  body.reserve(64 + units * 8 + (batch.ends[range.end - 1] - begin));
  body.put(ClaimStamp{0, 0, 0, static_cast<std::uint32_t>(units)});
  body.put(batch.number);
  body.put(batch.function);
  body.put(range.next);
  std::vector<ObjectId> handles;
  for (auto i = range.next; i < range.end; ++i) {
    const auto from = i == 0 ? 0 : batch.ends[i - 1];
    body.put(std::uint64_t{batch.ends[i] - from});
    body.put_raw(batch.elements.data() + from, batch.ends[i] - from);
    if (batch.first_handle.empty()) continue;
    const auto end =
        i + 1 < batch.first_handle.size() ? batch.first_handle[i + 1] : batch.handles.size();
    for (auto h = std::size_t{batch.first_handle[i]}; h < end; ++h) {
      FrameHeader hold;  // the submission's own reference stays for another try
      hold.kind = Kind::add_ref;
      hold.object = batch.handles[h];
      out.send(make_frame(hold, {}));
      handles.push_back(batch.handles[h]);
    }
  }
  worker.outstanding += units;
  worker.given += units;
  worker.recalled_all = false;
  if (!worker.assigned.empty() && worker.assigned.back().batch == &batch &&
      worker.assigned.back().end == range.next) {
    worker.assigned.back().end = range.end;
  } else {
    worker.assigned.push_back(range);
  }
  out.deliver(Kind::pool_tasks, id, self_, 0, Payload{std::move(body).take(), std::move(handles)});
}

/// Nothing is left to hand out and a process is idle: what waits behind others' current units comes
/// back.
void PoolHome::recall_for_idle(Outbox& out) {
  if (pending_units_ != 0) return;
  const bool idle = std::any_of(workers_.begin(), workers_.end(), [](const auto& entry) {
    return entry.second.ready && entry.second.outstanding == 0 && !entry.second.quitting;
  });
  if (!idle) return;
  for (auto& [id, worker] : workers_) {
    if (worker.outstanding < 2 || worker.recalling || worker.quitting || worker.recalled_all)
      continue;
    worker.recalling = true;
    FrameHeader header;
    header.kind = Kind::recall;
    header.to = id;
    header.object = self_;
    header.status = 0;
    out.send(make_frame(header, {}));
  }
}

void PoolHome::take_back(Worker& worker, std::uint64_t units) {
  while (units != 0 && !worker.assigned.empty()) {
    auto& last = worker.assigned.back();
    const auto part = std::min(units, last.end - last.next);
    last.end -= part;
    const Range back{last.batch, last.end, last.end + part, last.number};
    if (back.batch == nullptr) {
      pending_units_ -= part;  // nobody wants them any more
    } else if (!pending_.empty() && pending_.front().batch == back.batch &&
               pending_.front().next == back.end) {
      pending_.front().next = back.next;
    } else {
      pending_.push_front(back);
    }
    pending_units_ += part;
    worker.outstanding -= part;
    worker.given -= part;
    units -= part;
    if (last.next == last.end) worker.assigned.pop_back();
  }
}

void PoolHome::on_recalled(ProcessId from, std::uint64_t units, Outbox& out) {
  const auto found = workers_.find(from);
  if (found == workers_.end()) return;
  take_back(found->second, units);
  found->second.recalling = false;
  found->second.recalled_all = true;  // until it gets something new
  fill(out);
}

/// Books a record; false if its unit had finished before.
bool PoolHome::finish(Worker* worker, const PoolRecord& record) {
  if (worker != nullptr && !worker->assigned.empty()) {
    auto& first = worker->assigned.front();
    if (first.number == record.batch && first.next == record.index) {
      --worker->outstanding;
      if (++first.next == first.end) worker->assigned.pop_front();
    }
  }
  const auto found = batches_.find(record.batch);
  if (found == batches_.end() || record.index >= found->second.done.size()) return false;
  auto& batch = found->second;
  if (batch.done[record.index]) return false;
  batch.done[record.index] = true;
  --batch.left;
  return true;
}

void PoolHome::on_done(const FrameHeader& request, Payload payload, Outbox& out) {
  const auto worker = workers_.find(request.from);
  // Records are passed on as they are, those of one batch in a row together.
  Unpacker in(payload.bytes);
  std::uint64_t units = 0;
  std::size_t handle = 0;
  Bytes run;
  std::vector<ObjectId> run_handles;
  std::uint64_t run_batch = 0;
  const auto pass_on = [&] {
    const auto found = batches_.find(run_batch);
    if (found == batches_.end()) return;
    auto& batch = found->second;
    FrameHeader header;
    header.kind = Kind::pool_results;
    header.to = batch.request.from;
    header.object = self_;
    header.call = batch.submitter_batch;
    out.send(make_frame(header, Payload{std::exchange(run, {}), std::exchange(run_handles, {})}));
    if (batch.left == 0) drop_batch(run_batch, out);
  };
  while (!in.at_end()) {
    const auto start = in.rest();
    const auto record = in.get<PoolRecord>();
    static_cast<void>(in.view(record.size));
    const auto first = handle;
    handle = std::min<std::size_t>(handle + record.handles, payload.handles.size());
    ++units;
    if (!finish(worker == workers_.end() ? nullptr : &worker->second, record)) {
      for (auto h = first; h < handle; ++h) out.drop(Payload{{}, {payload.handles[h]}});
      continue;
    }
    if (run_batch != record.batch) {
      if (!run.empty()) pass_on();
      run_batch = record.batch;
    }
    if (run.empty()) run.reserve(start.size());
    run.insert(run.end(), start.begin(),
               start.begin() + static_cast<std::ptrdiff_t>(sizeof record + record.size));
    run_handles.insert(run_handles.end(),
                       payload.handles.begin() + static_cast<std::ptrdiff_t>(first),
                       payload.handles.begin() + static_cast<std::ptrdiff_t>(handle));
  }
  if (!run.empty()) pass_on();
  if (request.call != 0 && units != 0) {
    const auto each = static_cast<double>(request.call) / static_cast<double>(units);
    task_ns_ = task_ns_ < 0 ? each : 0.75 * task_ns_ + 0.25 * each;
  }
  fill(out);
  quit_if_done(out);
}

void PoolHome::drop_batch(std::uint64_t number, Outbox& out) {
  const auto found = batches_.find(number);
  if (found == batches_.end()) return;
  std::erase_if(pending_, [&](const Range& range) {
    if (range.batch != &found->second) return false;
    pending_units_ -= range.end - range.next;
    return true;
  });
  // Processes go on with what they have of it; a recall gives it back among the rest.
  for (auto& [id, worker] : workers_) {
    for (auto& range : worker.assigned) {
      if (range.batch == &found->second) range.batch = nullptr;
    }
  }
  out.drop(Payload{{}, std::move(found->second.handles)});
  batches_.erase(found);
}

/// Reports an element as failed to its submitter.
void PoolHome::fail(Batch& batch, std::uint64_t index, Status status, const Bytes& error,
                    Outbox& out) {
  if (batch.done[index]) return;
  batch.done[index] = true;
  --batch.left;
  PoolRecord record;
  record.batch = batch.number;
  record.index = index;
  record.size = error.size();
  record.status = static_cast<std::uint32_t>(status);
  Packer body;
  body.put(record);
  body.put_raw(error.data(), error.size());
  FrameHeader header;
  header.kind = Kind::pool_results;
  header.to = batch.request.from;
  header.object = self_;
  header.call = batch.submitter_batch;
  out.send(make_frame(header, Payload{std::move(body).take(), {}}));
}

void PoolHome::fail_all(Status status, const Bytes& error, Outbox& out) {
  while (!batches_.empty()) {
    auto& [number, batch] = *batches_.begin();
    for (std::uint64_t i = 0; i < batch.done.size(); ++i) fail(batch, i, status, error, out);
    drop_batch(number, out);
  }
}

void PoolHome::on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) {
  std::erase_if(joining_, [&](const FrameHeader& request) { return request.from == who; });
  std::vector<std::uint64_t> orphans;
  for (const auto& [number, batch] : batches_) {
    if (batch.request.from == who) orphans.push_back(number);
  }
  for (const auto number : orphans) drop_batch(number, out);
  if (who == owner_) terminate(out);
  const auto found = workers_.find(who);
  if (found == workers_.end()) return;
  auto worker = std::move(found->second);
  workers_.erase(found);
  // Units are carried out in order: only the first that has not finished can have been begun.
  if (facts.in_task != 0 && !worker.assigned.empty() && worker.assigned.front().batch != nullptr) {
    const auto index = worker.assigned.front().next;
    auto& batch = *worker.assigned.front().batch;
    if (!batch.done[index] && ++batch.deaths[index] > settings_.retries) {
      const ProcessLost lost(
          fmt::format("process '{}' (rank {}, host {}, pid {}) {} while it ran element {} of a "
                      "task of {}; tried {} times",
                      facts.name, facts.rank, facts.host, facts.pid,
                      facts.exit_code < 0 ? fmt::format("was killed by signal {}", -facts.exit_code)
                                          : fmt::format("ended with exit code {}", facts.exit_code),
                      index, settings_.name, batch.deaths[index]),
          {facts.name, facts.rank, facts.host, facts.pid, facts.exit_code});
      fail(batch, index, Status::error,
           capture(std::make_exception_ptr(lost), {facts.name, facts.rank, facts.host, facts.pid},
                   index),
           out);
      if (++worker.assigned.front().next == worker.assigned.front().end)
        worker.assigned.pop_front();
      --worker.outstanding;
    }
  }
  take_back(worker, worker.outstanding);
  std::vector<std::uint64_t> finished;
  for (const auto& [number, batch] : batches_) {
    if (batch.left == 0) finished.push_back(number);
  }
  for (const auto number : finished) drop_batch(number, out);
  if (!worker.ready && !terminated_ && broken_.empty() &&
      ++failed_starts_ > 2 + settings_.processes) {
    broken_ = capture(
        std::make_exception_ptr(ProcessLost(
            fmt::format(
                "processes of {} end before they are ready: '{}' on rank {}, host {} with {}; "
                "is its initializer at fault?",
                settings_.name, facts.name, facts.rank, facts.host, facts.exit_code),
            {facts.name, facts.rank, facts.host, facts.pid, facts.exit_code})),
        {});
    fail_all(Status::error, broken_, out);
  }
  quit_if_done(out);
  if (!closed_ || !batches_.empty()) start_processes(out);
  fill(out);
}

void PoolHome::quit_if_done(Outbox& out) {
  if (!terminated_ && closed_ && batches_.empty()) {
    for (auto& [id, worker] : workers_) {
      if (!std::exchange(worker.quitting, true)) out.deliver(Kind::pool_quit, id, self_, 0, {});
    }
  }
  if (!workers_.empty()) return;
  for (const auto& request : joining_) out.reply(request, Status::ok);
  joining_.clear();
}

void PoolHome::close(const FrameHeader& request, Outbox& out) {
  closed_ = true;
  out.reply(request, Status::ok);
  quit_if_done(out);
}

void PoolHome::terminate(Outbox& out) {
  if (std::exchange(terminated_, true)) return;
  closed_ = true;
  const auto error = capture(
      std::make_exception_ptr(Closed(settings_.name + " was terminated before the task was done")),
      {});
  fail_all(Status::error, error, out);
  for (const auto& [id, worker] : workers_) directory_.signal(id, SIGKILL, out);
  out.drop(initializer_);
  initializer_.handles.clear();
  for (const auto& [id, function] : functions_) out.drop(function);
  functions_.clear();
  quit_if_done(out);
}

void PoolHome::join(const FrameHeader& request, Outbox& out) {
  if (!closed_) {
    return out.reply(request, Status::usage,
                     Packer::pack("join of " + settings_.name + " before close() or terminate()"));
  }
  joining_.push_back(request);
  quit_if_done(out);
}

void PoolHome::on_cancel(ProcessId from, std::uint64_t call, Outbox& out) {
  std::erase_if(joining_, [&](const FrameHeader& request) {
    if (request.from != from || request.call != call) return false;
    out.reply(request, Status::no);
    return true;
  });
}

void PoolHome::on_leaving(ProcessId who, Outbox& out) {
  if (who == owner_) terminate(out);
}

void PoolHome::on_freed(Outbox& out) { terminate(out); }

}  // namespace mpx::detail
