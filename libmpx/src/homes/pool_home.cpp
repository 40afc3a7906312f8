#include "homes/pool_home.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <optional>
#include <tuple>

#include "core/remote_exception.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {

PoolHome::PoolHome(const ObjectId& self, ProcessId owner, Directory& directory,
                   PoolSettings settings)
    : self_(self), owner_(owner), directory_(directory), settings_(std::move(settings)) {
  if (settings_.processes == 0) settings_.processes = directory_.slot_count();
  if (settings_.name.empty()) settings_.name = "Pool";
  directory_.attend(owner_, self_, this);
}

PoolHome::~PoolHome() {
  directory_.attend_no_more(owner_, self_);
  for (const auto& [id, worker] : workers_) directory_.forget(id);
}

void PoolHome::on(const FrameHeader& request, Payload payload, Outbox& out) {
  switch (request.kind) {
    case Kind::pool_open:
      return open(request, std::move(payload), out);
    case Kind::pool_submit:
      return submit(request, std::move(payload), out);
    case Kind::pool_function: {
      auto& call = functions_[Unpacker(payload.bytes).get<std::uint64_t>()].call;
      if (call.bytes.empty()) std::swap(call, payload);
      return out.drop(payload);
    }
    case Kind::pool_close:
      return close(request, out);
    case Kind::pool_terminate:
      terminate(out);
      return out.reply(request, Status::ok);
    case Kind::pool_join:
      return join(request, out);
    case Kind::pool_ready:
      return on_ready(request, std::move(payload), out);
    case Kind::left:  // its end will be reported next
      if (const auto worker = workers_.find(request.from); worker != workers_.end())
        worker->second.taken =
            std::get<1>(Unpacker::unpack<std::uint16_t, std::uint32_t>(payload.bytes));
      return;
    case Kind::pool_done:
      return on_done(request, std::move(payload), out);
    case Kind::pool_wait:
    case Kind::pool_resume:
      return on_waiting(request.from, request.kind == Kind::pool_wait, out);
    case Kind::recalled:
      return on_recalled(request.from, Unpacker(payload.bytes).get<std::uint32_t>(), out);
    default:
      refuse_kind(request, payload, out);
  }
}

void PoolHome::open(const FrameHeader& request, Payload payload, Outbox& out) {
  initializer_ = std::move(payload);
  start_processes(out);
  out.reply(request, Status::ok, Packer::pack(settings_.processes));
}

void PoolHome::start_processes(Outbox& out) {
  while (workers_.size() < settings_.processes && start_process(out)) {
  }
}

bool PoolHome::start_process(Outbox& out) {
  if (terminated_ || !broken_.empty()) return false;
  StartRequest request;
  request.name = fmt::format("{}Worker-{}", settings_.name, next_worker_++);
  request.in_pool = 1;
  request.pool = self_;
  request.parent = owner_;
  request.parent_facts = settings_.owner;
  request.surroundings = settings_.surroundings;
  ProcessId id;
  const auto trouble = directory_.start(std::move(request), {}, this,
                                        out.counted(self_.home, initializer_), id, out);
  if (trouble.empty()) {
    auto& worker = workers_[id];
    worker.id = id;
    enter(worker);
    return true;
  }
  broken_ = capture(std::make_exception_ptr(LaunchError(trouble)), {});
  fail_all(broken_, out);
  return false;
}

void PoolHome::on_ready(const FrameHeader& request, Payload payload, Outbox& out) {
  if (request.status == static_cast<std::uint16_t>(Status::error)) {
    broken_ = std::move(payload.bytes);
    return fail_all(broken_, out);
  }
  const auto worker = workers_.find(request.from);
  if (worker == workers_.end()) return;
  worker->second.ready = true;
  if (over_) return quit(worker->second, out);
  settle(worker->second);
  fill(out);
}

void PoolHome::submit(const FrameHeader& request, Payload payload, Outbox& out) {
  // What has been submitted is carried out, and its tasks may need tasks of their own.
  const bool needed = !terminated_ && workers_.contains(request.from) && !batches_.empty();
  if (closed_ && !needed) {
    out.drop(payload);
    return out.reply(
        request, Status::usage,
        Packer::pack(fmt::format("{} is {}: no task can be submitted to it any more",
                                 settings_.name, terminated_ ? "terminated" : "closed")));
  }
  const auto number = next_batch_++;
  auto& batch = batches_.try_emplace(number, number, request, std::move(payload)).first->second;
  out.reply(request, Status::ok);
  submitters_[request.from].insert(number);
  submitted_ += batch.size();
  if (batch.size() == 0) return drop_batch(number, out);
  pending_.add(batch);
  if (!broken_.empty()) return fail_all(broken_, out);
  fill(out);
}

void PoolHome::on_done(const FrameHeader& request, Payload payload, Outbox& out) {
  const auto worker = workers_.find(request.from);
  std::uint64_t units = 0;
  std::size_t handle = 0;
  std::unordered_set<std::uint64_t> functions;
  // Records are passed on as they are, those of one batch in a row together.
  PoolBatch* batch = nullptr;
  ByteView run;
  std::size_t run_handles = 0;
  const auto pass_on = [&] {
    if (batch == nullptr || run.empty()) return;
    const auto first = payload.handles.begin() + static_cast<std::ptrdiff_t>(handle - run_handles);
    std::vector<Reference> handles(first, first + static_cast<std::ptrdiff_t>(run_handles));
    Bytes bytes;
    if (run.size() == payload.bytes.size()) {
      bytes = std::move(payload.bytes);
    } else {
      bytes.resize(run.size());
      std::memcpy(bytes.data(), run.data(), run.size());
    }
    run = {};
    run_handles = 0;
    batch->pass_on({std::move(bytes), std::move(handles)}, self_, out);
    if (batch->left() == 0) drop_batch(batch->number(), out);
    batch = nullptr;
  };
  for (Unpacker in(payload.bytes); !in.at_end();) {
    const auto start = in.rest();
    const auto [record, values] = next_record(in);
    units += record.count;
    if (worker != workers_.end()) book(worker->second, record);
    auto* const of = find(record.batch);
    const bool fresh = of != nullptr && of->finish(record.first, record.count);
    if (batch != nullptr && (!fresh || batch != of)) pass_on();
    const auto carried = std::min<std::size_t>(record.handles, payload.handles.size() - handle);
    handle += carried;
    if (!fresh) {  // a process that dies may send twice
      for (auto h = handle - carried; h < handle; ++h) out.drop({{}, {payload.handles[h]}});
      continue;
    }
    batch = of;
    functions.insert(batch->head().function);
    run = {run.empty() ? start.data() : run.data(), run.size() + sizeof record + values.size()};
    run_handles += carried;
  }
  pass_on();
  if (worker != workers_.end()) settle(worker->second);
  if (request.call != 0 && units != 0)
    measure(functions, static_cast<double>(request.call) / static_cast<double>(units));
  fill(out);
  quit_if_done(out);
}

/// A process whose task waits for other tasks lends its slot. What waits behind that task comes
/// back: it may be what the task waits for.
void PoolHome::on_waiting(ProcessId from, bool waiting, Outbox& out) {
  const auto found = workers_.find(from);
  if (found == workers_.end() || found->second.waiting == waiting) return;
  found->second.waiting = waiting;
  waiting_ = waiting ? waiting_ + 1 : waiting_ - 1;
  if (waiting && found->second.outstanding > 1) recall(found->second, out);
  settle(found->second);
  fill(out);
}

void PoolHome::on_recalled(ProcessId from, std::uint64_t units, Outbox& out) {
  const auto found = workers_.find(from);
  if (found == workers_.end()) return;
  take_back(found->second, units);
  found->second.recalling = false;
  found->second.recalled_all = true;  // until it gets something new
  settle(found->second);
  fill(out);
}

PoolBatch* PoolHome::find(std::uint64_t number) {
  const auto found = batches_.find(number);
  return found == batches_.end() ? nullptr : &found->second;
}

/// Processes go on with what they have of it; a recall gives that back among the rest.
void PoolHome::drop_batch(std::uint64_t number, Outbox& out) {
  const auto found = batches_.find(number);
  if (found == batches_.end()) return;
  auto& batch = found->second;
  submitted_ -= batch.left();
  pending_.drop(batch);
  if (const auto its = submitters_.find(batch.submitter()); its != submitters_.end()) {
    its->second.erase(number);
    if (its->second.empty()) submitters_.erase(its);
  }
  batch.drop(out);
  batches_.erase(found);
}

void PoolHome::fail_all(const Bytes& error, Outbox& out) {
  pending_.clear();
  submitters_.clear();
  for (auto& [number, batch] : batches_) {
    batch.fail(0, batch.size(), error, self_, out);
    batch.drop(out);
  }
  batches_.clear();
}

void PoolHome::on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) {
  std::erase_if(joining_, [&](const FrameHeader& request) { return request.from == who; });
  if (const auto orphans = submitters_.extract(who)) {
    for (const auto number : orphans.mapped()) drop_batch(number, out);
  }
  if (who == owner_) terminate(out);
  const auto found = workers_.find(who);
  if (found == workers_.end()) return;
  const auto node = workers_.extract(found);
  auto& worker = node.mapped();
  leave(worker);
  if (worker.waiting) --waiting_;
  charge_death(worker, facts, out);
  take_back(worker, worker.outstanding);
  if (!worker.ready && !terminated_ && broken_.empty() &&
      ++failed_starts_ > 2 + settings_.processes) {
    const ProcessLost lost(
        fmt::format("processes of {} end before they are ready: '{}' on rank {}, host {} with {}; "
                    "is its initializer at fault?",
                    settings_.name, facts.name, facts.rank, facts.host, facts.exit_code),
        {facts.name, facts.rank, facts.host, facts.pid, facts.exit_code});
    const LaunchError cannot(
        fmt::format("processes of {} cannot be started: '{}' on rank {}, host {}: {}",
                    settings_.name, facts.name, facts.rank, facts.host, facts.trouble));
    broken_ = capture(
        facts.trouble.empty() ? std::make_exception_ptr(lost) : std::make_exception_ptr(cannot),
        {});
    fail_all(broken_, out);
  }
  quit_if_done(out);
  if (!closed_ || !batches_.empty()) start_processes(out);
  fill(out);
}

/// Units are carried out in order: if the process had taken one more than have finished, it died in
/// the first of those that have not.
void PoolHome::charge_death(Worker& worker, const ProcessFacts& facts, Outbox& out) {
  if (worker.taken == worker.finished || worker.assigned.empty()) return;
  auto& front = worker.assigned.front();
  auto* const batch = find(front.batch);
  if (batch == nullptr || batch->finished(front.next)) return;
  const auto element = front.next;
  const auto deaths = batch->died(element);
  if (deaths <= settings_.retries) return;
  const auto index = batch->head().single != 0 ? std::nullopt : std::optional<std::size_t>(element);
  const ProcessLost lost(
      fmt::format("process '{}' (rank {}, host {}, pid {}) {} while it ran {} of {}; tried {}",
                  facts.name, facts.rank, facts.host, facts.pid,
                  facts.exit_code < 0 ? fmt::format("was killed by signal {}", -facts.exit_code)
                                      : fmt::format("ended with exit code {}", facts.exit_code),
                  index ? fmt::format("element {} of a map", *index) : "a task", settings_.name,
                  deaths == 1 ? "once" : fmt::format("{} times", deaths)),
      {facts.name, facts.rank, facts.host, facts.pid, facts.exit_code});
  const auto error = capture(std::make_exception_ptr(lost),
                             {facts.name, facts.rank, facts.host, facts.pid}, index);
  batch->fail(element, element + 1, error, self_, out);
  if (++front.next == front.end) worker.assigned.pop_front();
  --worker.outstanding;
  if (batch->left() == 0) drop_batch(batch->number(), out);
}

void PoolHome::quit(Worker& worker, Outbox& out) {
  if (!std::exchange(worker.quitting, true)) out.deliver(Kind::pool_quit, worker.id, self_, 0, {});
  settle(worker);
}

void PoolHome::quit_if_done(Outbox& out) {
  if (!terminated_ && closed_ && batches_.empty() && !std::exchange(over_, true)) {
    for (auto& [id, worker] : workers_) {  // one that is not ready does not listen yet
      if (worker.ready) quit(worker, out);
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
  fail_all(error, out);
  for (const auto& [id, worker] : workers_) directory_.signal(id, SIGKILL, out);
  out.drop(initializer_);
  initializer_.handles.clear();
  for (const auto& [id, function] : functions_) out.drop(function.call);
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

std::uint64_t PoolHome::left() const {
  std::uint64_t left = 0;
  for (const auto& [number, batch] : batches_) left += batch.left();
  return left;
}

void PoolHome::tell(ObjectFacts& facts) const {
  facts.note = fmt::format("'{}', {} of {} elements finished", settings_.name, submitted_ - left(),
                           submitted_);
}

std::string PoolHome::unfinished() const {
  const auto left = this->left();
  if (left == 0) return {};
  return fmt::format("pool '{}': {} of {} elements finished", settings_.name, submitted_ - left,
                     submitted_);
}

void PoolHome::on_freed(Outbox& out) { terminate(out); }

}  // namespace mpx::detail
