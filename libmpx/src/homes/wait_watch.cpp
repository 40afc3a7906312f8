#include "homes/wait_watch.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mpx::detail {

namespace {
constexpr WaitWatch::Time kAtOnce{};
}

void WaitWatch::on(const FrameHeader& request, Payload payload, Outbox& out) {
  if (request.kind == Kind::waits_want) {
    if (state_ == State::report || state_ == State::homes) return;  // one is being made
    wanted_ = true;
    if (state_ == State::quiet) at_ = kAtOnce;
    return;
  }
  if (request.kind < Kind::waits_want || request.kind > Kind::waits_objects)
    return refuse_kind(request, payload, out);
  Unpacker in(payload.bytes);
  take_in(request, in);
  if (state_ != State::quiet && all_answered()) at_ = kAtOnce;
}

void WaitWatch::on_time(Time now, std::uint64_t main_wait, Outbox& out) {
  if (state_ != State::quiet) {
    if (at_ && *at_ <= now) advance(now, out);
    return;
  }
  if (std::exchange(wanted_, false)) return ask(State::report, now, out);
  if (!settings_.looks) return;
  if (main_wait != main_wait_) {  // it has gone on since
    main_wait_ = main_wait;
    pause_ = kPatience;
    at_.reset();
    if (main_wait_ != 0) at_ = now + kPatience;
    return;
  }
  if (at_ && *at_ <= now) ask(State::look, now, out);
}

void WaitWatch::ask(State state, Time now, Outbox& out) {
  state_ = state;
  at_ = now + kAnswer;
  ++round_;
  graph_ = {};
  under_way_ = false;
  permits_.clear();
  processes_awaited_.clear();
  ranks_awaited_.clear();
  for (int rank = 0; rank < static_cast<int>(settings_.hosts.size()); ++rank) {
    ProcessFacts facts;
    facts.name = rank == 0 ? "MainProcess" : fmt::format("Rank-{}", rank);
    facts.host = settings_.hosts[static_cast<std::size_t>(rank)];
    facts.rank = rank;
    graph_.processes[ProcessId(rank, 0)].facts = facts;
    ranks_awaited_.insert(rank);
  }
  for (auto& [id, facts] : settings_.processes()) graph_.processes[id].facts = std::move(facts);
  for (const auto& [id, process] : graph_.processes) processes_awaited_.insert(id);
  const auto ranks = ranks_awaited_;  // rank 0 may answer in here
  for (const int rank : ranks)
    out.send(make_frame(to_rank(Kind::waits_ask, rank), {Packer::pack(round_), {}}));
}

void WaitWatch::take_in(const FrameHeader& answer, Unpacker& in) {
  if (answer.kind == Kind::waits) {
    auto waits = in.get<ProcessWaits>();
    const auto process = graph_.processes.find(answer.from);
    if (waits.round != round_ || process == graph_.processes.end()) return;  // too late
    process->second.waits = std::move(waits);
    processes_awaited_.erase(answer.from);
    return;
  }
  if (in.get<std::uint64_t>() != round_) return;
  if (answer.kind == Kind::waits_rank) {
    under_way_ |= in.get<std::uint8_t>() != 0;
    for (const auto& held : in.get<std::vector<HeldPermits>>()) note(held);
  } else {
    for (auto& facts : in.get<std::vector<ObjectFacts>>()) {
      for (const auto& held : facts.permits) note(held);
      graph_.objects[facts.object] = std::move(facts);
    }
  }
  ranks_awaited_.erase(answer.from.rank().number());
}

/// A process may acquire permits by one way and give them back by another: only the sum counts.
void WaitWatch::note(const HeldPermits& held) {
  permits_[{held.semaphore, held.who}] += held.count;
}

/// A round is over: all have answered, or it is late.
void WaitWatch::advance(Time now, Outbox& out) {
  switch (state_) {
    case State::quiet:
      return;
    case State::report:
      return ask_homes(now, out);
    case State::homes:
      return finish(now);
    case State::look:
    case State::confirm:
      break;
  }
  if (wanted_) {
    wanted_ = false;
    return ask(State::report, now, out);
  }
  if (!all_answered() || !stuck()) {
    pause(now, pause_);
    pause_ = std::min<std::chrono::nanoseconds>(2 * pause_, kLongest);
    return;
  }
  if (const auto age = youngest(); age < kPatience) return pause(now, kPatience - age);
  auto found = waits();
  if (state_ == State::look) {
    seen_ = std::move(found);
    return ask(State::confirm, now, out);
  }
  if (found != seen_) return pause(now, kPatience);
  deadlock_ = true;
  ask_homes(now, out);
}

void WaitWatch::pause(Time now, std::chrono::nanoseconds length) {
  state_ = State::quiet;
  at_ = now + length;
}

/// Whether each process only waits, none by itself goes on, and at least one waits for something.
bool WaitWatch::stuck() const {
  if (under_way_) return false;
  bool some = false;
  for (const auto& [id, process] : graph_.processes) {
    if (!process.waits || process.waits->running > 0 || process.waits->waits.empty()) return false;
    for (const auto& wait : process.waits->waits) {
      if (wait.limit == WaitLimit::time) return false;
      some |= wait.limit == WaitLimit::none;
    }
  }
  return some;
}

std::chrono::nanoseconds WaitWatch::youngest() const {
  auto least = std::chrono::nanoseconds::max();
  for (const auto& [id, process] : graph_.processes) {
    for (const auto& wait : process.waits->waits)
      least = std::min(least, std::chrono::nanoseconds(wait.age_ns));
  }
  return least;
}

std::vector<std::pair<ProcessId, std::uint64_t>> WaitWatch::waits() const {
  std::vector<std::pair<ProcessId, std::uint64_t>> all;
  for (const auto& [id, process] : graph_.processes) {
    for (const auto& wait : process.waits->waits) all.emplace_back(id, wait.number);
  }
  return all;
}

void WaitWatch::ask_homes(Time now, Outbox& out) {
  state_ = State::homes;
  at_ = now + kAnswer;
  ++round_;
  processes_awaited_.clear();
  ranks_awaited_.clear();
  graph_.names = settings_.names();
  std::map<int, std::vector<ObjectId>> by_rank;
  for (const auto& object : graph_.wanted()) by_rank[object.home].push_back(object);
  for (const auto& [rank, objects] : by_rank) ranks_awaited_.insert(rank);
  if (by_rank.empty()) return finish(now);
  for (const auto& [rank, objects] : by_rank) {
    out.send(make_frame(to_rank(Kind::waits_ask_homes, rank), {Packer::pack(round_, objects), {}}));
  }
}

void WaitWatch::finish(Time now) {
  const bool deadlock = std::exchange(deadlock_, false);
  pause(now, pause_);
  // A deadlock is told once; the main process will not wait for anything else.
  if (deadlock || !settings_.looks || main_wait_ == 0) at_.reset();
  wanted_ = false;
  for (const auto& [held, count] : permits_) {
    const auto object = graph_.objects.find(held.first);
    if (count > 0 && object != graph_.objects.end()) object->second.holders.push_back(held.second);
  }
  std::string text =
      deadlock ? fmt::format(
                     "mpx: deadlock: every process has waited for {} s or more, without a "
                     "time limit, and no message is under way:\n",
                     kPatience.count())
               : "mpx: who waits for what:\n";
  report_ = Report{deadlock, text + graph_.describe()};
}

}  // namespace mpx::detail
