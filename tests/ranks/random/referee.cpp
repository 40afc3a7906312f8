#include "ranks/random/referee.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace mpx_random {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kQuiet = 100 * kMillisecond;  // then it looks who may wait
constexpr std::int64_t kHang = 25'000 * kMillisecond;

}  // namespace

Referee::Referee(const Program& program, Board& board, std::vector<mpx::Queue<Item>> queues)
    : program_(program),
      board_(board),
      actor_(program, kReferee, board, std::move(queues), {}),
      watched_(program.processes.size()),
      kept_until_(program.ends.size(), 0),
      hand_([this](const std::stop_token& stop) { act(stop); }),
      thread_([this](const std::stop_token& stop) { watch(stop); }) {}

Referee::~Referee() {
  thread_.request_stop();
  thread_.join();
  hand_.request_stop();
}

void Referee::post(std::function<void()> action) {
  const std::lock_guard guard(mutex_);
  actions_.push_back(std::move(action));
  changed_.notify_all();
}

void Referee::act(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [&] { return !actions_.empty(); })) {
    const auto action = std::move(actions_.front());
    actions_.pop_front();
    acting_ = true;
    lock.unlock();
    action();
    lock.lock();
    acting_ = false;
    changed_.notify_all();
  }
}

void Referee::settle() {
  post([this] { drop_kept(); });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return actions_.empty() && !acting_; });
}

void Referee::started(int process, const mpx::Process& handle) {
  const std::lock_guard guard(mutex_);
  auto& watched = watched_[static_cast<std::size_t>(process)];
  watched.handle = handle;
  watched.pid = handle.pid();
  watched.started_at = now_ns();
  watched.fate.started = true;
}

void Referee::ended(int process, int exit_code) {
  const std::lock_guard guard(mutex_);
  auto& fate = watched_[static_cast<std::size_t>(process)].fate;
  fate.exit_code = exit_code;
  fate.ended_at = now_ns();
}

void Referee::keep(int end, mpx::Connection copy) {
  const std::lock_guard guard(mutex_);
  kept_.emplace_back(end, std::move(copy));
  kept_until_[static_cast<std::size_t>(end)] = kNever;
}

void Referee::drop_kept() {
  std::vector<std::pair<int, mpx::Connection>> dropped;
  {
    const std::lock_guard guard(mutex_);
    dropped.swap(kept_);
    for (const auto& [end, copy] : dropped) kept_until_[static_cast<std::size_t>(end)] = now_ns();
  }
  if (dropped.empty()) return;
  actor_.note(OpKind::inner, -1, [&](Record&) {
    for (auto& [end, copy] : dropped) {
      copy = {};
      --board_.holders[static_cast<std::size_t>(end)];
    }
    return Outcome::ok;
  });
}

History Referee::history() {
  History history;
  history.program = &program_;
  history.start = start_;
  {
    const std::lock_guard guard(mutex_);
    for (const auto& watched : watched_) history.fates.push_back(watched.fate);
    history.kept_until = kept_until_;
  }
  history.read(board_);
  for (std::size_t actor = 0; actor < program_.actors.size(); ++actor) {
    for (const auto& event : history.of_actor[actor]) {
      if (event.kind != OpKind::kill_self) continue;
      auto& killed_at =
          history.fates[static_cast<std::size_t>(program_.actors[actor].process)].killed_at;
      killed_at = std::min(killed_at, event.begin);
    }
  }
  return history;
}

void Referee::watch(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::this_thread::sleep_for(2ms);
    interfere();
    std::uint64_t steps = 0;
    for (const auto& log : board_.actors) steps += log.steps.load();
    if (std::exchange(steps_, steps) != steps) last_step_ = now_ns();
    const auto quiet = now_ns() - last_step_;
    if (quiet < kQuiet) continue;
    const auto history = this->history();
    if (all_wait(history)) {
      if (!free_somebody()) give_up(history, "all wait, and there is nobody to free");
      last_step_ = now_ns();
    } else if (quiet > kHang) {
      give_up(history, "somebody waits for what should have come, or does not end");
    }
  }
}

bool Referee::gone(Watched& watched) const {
  if (watched.fate.ended_at != kNever) return true;
  if (watched.pid == 0 || ::kill(watched.pid, 0) == 0) return false;
  watched.fate.ended_at = now_ns();
  return true;
}

/// Kills, stops and continues those whose time has come.
void Referee::interfere() {
  const auto now = now_ns();
  for (std::size_t i = 1; i < program_.processes.size(); ++i) {
    const auto& plan = program_.processes[i];
    auto& watched = watched_[i];
    std::unique_lock lock(mutex_);
    if (watched.pid == 0 || gone(watched)) continue;
    const auto age = (now - watched.started_at) / 1000;
    if (plan.stop_after_us && age >= *plan.stop_after_us && watched.stopped_at == 0) {
      watched.stopped_at = now;
      watched.stopped = ::kill(watched.pid, SIGSTOP) == 0;
    }
    if (watched.stopped && now - watched.stopped_at > plan.stop_us * std::int64_t{1000}) {
      watched.stopped = false;
      ::kill(watched.pid, SIGCONT);
    }
    if (plan.kill_after_us && age >= *plan.kill_after_us && !watched.killed) {
      lock.unlock();
      kill(static_cast<int>(i), plan.kill_by_library);
    }
  }
}

void Referee::kill(int process, bool by_library) {
  mpx::Process handle;
  pid_t pid = 0;
  {
    const std::lock_guard guard(mutex_);
    auto& watched = watched_[static_cast<std::size_t>(process)];
    watched.killed = true;
    watched.fate.killed_at = now_ns();
    handle = watched.handle;
    pid = watched.pid;
  }
  if (!by_library) {
    ::kill(pid, SIGKILL);
    return;
  }
  post([this, handle] {
    actor_.note(OpKind::inner, -1, [&](Record&) {
      handle.kill();
      return Outcome::ok;
    });
  });
}

/// Whether every actor waits, and may.
bool Referee::all_wait(const History& history) {
  {
    const std::lock_guard guard(mutex_);
    if (acting_ || !actions_.empty()) return false;
  }
  for (std::size_t p = 0; p < program_.processes.size(); ++p) {
    {
      const std::lock_guard guard(mutex_);
      auto& watched = watched_[p];
      if (p != 0 && (!watched.fate.started || gone(watched))) continue;
      if (watched.stopped) return false;
    }
    bool done = true;
    for (const auto actor : program_.processes[p].actors) {
      const auto& its = history.of_actor[static_cast<std::size_t>(actor)];
      if (board_.actors[static_cast<std::size_t>(actor)].done.load()) continue;
      // A thread that has come to the end of its operations waits for the other one of its process.
      const bool acts = !its.empty() && its.back().outcome == Outcome::under_way;
      if (!acts && !board_.actors[static_cast<std::size_t>(actor)].over.load()) return false;
      if (!acts) continue;
      done = false;
      if (!may_wait(history, its.back())) return false;
    }
    if (done) return false;
  }
  return true;
}

/// Closes all queues; then gives up copies of ends; then kills one process after the other.
bool Referee::free_somebody() {
  if (!std::exchange(closed_all_, true)) {
    post([this] {
      for (std::size_t i = 0; i < program_.queues.size(); ++i)
        actor_.close_queue(static_cast<int>(i));
    });
    return true;
  }
  bool keeps = false;
  int victim = 0;
  {
    const std::lock_guard guard(mutex_);
    keeps = !kept_.empty();
    const auto first = program_.seed % watched_.size();
    for (std::size_t i = 0; i < watched_.size(); ++i) {
      const auto p = (first + i) % watched_.size();
      if (p != 0 && watched_[p].pid != 0 && !gone(watched_[p]) && !watched_[p].killed)
        victim = static_cast<int>(p);
    }
  }
  if (keeps) {
    post([this] { drop_kept(); });
  } else if (victim != 0) {
    kill(victim, program_.seed % 2 == 0);
  }
  return keeps || victim != 0;
}

void Referee::give_up(const History& history, const char* why) {
  std::fprintf(stderr, "FAILED: seed %llu hangs: %s\n%s",
               static_cast<unsigned long long>(program_.seed), why, listing(program_).c_str());
  for (std::size_t actor = 0; actor < history.of_actor.size(); ++actor) {
    const auto& its = history.of_actor[actor];
    const auto shown = std::min<std::size_t>(its.size(), 40);
    for (auto event = its.end() - static_cast<std::ptrdiff_t>(shown); event != its.end(); ++event) {
      const bool waits = event->outcome == Outcome::under_way;
      std::fprintf(stderr, "%s%s\n", describe(*event, start_).c_str(),
                   !waits                                             ? ""
                   : history.fate_of(event->actor).ended_at != kNever ? "  (ended)"
                   : may_wait(history, *event)                        ? "  <- may wait"
                                                                      : "  <- WAITS");
    }
    if (board_.actors[actor].faulty.load())
      std::fprintf(stderr, "actor %zu: %s\n", actor, board_.actors[actor].fault.data());
  }
  for (std::size_t p = 1; p < watched_.size(); ++p) {
    const auto& watched = watched_[p];
    std::fprintf(stderr, "process %zu: pid %d%s%s\n", p, watched.pid,
                 watched.killed ? ", killed" : "",
                 watched.fate.ended_at != kNever ? ", has ended" : "");
  }
  ::kill(::getpid(), SIGUSR2);  // libmpx tells who waits for what
  std::this_thread::sleep_for(3s);
  std::fflush(nullptr);
  std::_Exit(2);
}

}  // namespace mpx_random
