// What must be so of an end of a pipe: what it receives, and when it says that the other is gone.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "ranks/random/history.hpp"

namespace mpx_random {
namespace {

/// How an end came to be nobody's.
enum class Loss { none, closed, killed, status, unknown };

struct Life {
  std::int64_t until = kNever;  // somebody has it up to then, for sure
  Loss how = Loss::none;
  int holder = kNobody;               // the last, or in flight
  std::int64_t first_death = kNever;  // of a process that had it
};

std::int64_t death_of(const History& history, int actor) {
  const auto& fate = history.fate_of(actor);
  if (!fate.exit_code || *fate.exit_code == 0) return kNever;
  if (fate.was_killed() && fate.killed_at != kNever) return fate.killed_at;
  const auto& its = history.of_actor[static_cast<std::size_t>(actor)];
  return its.empty() ? 0 : its.back().begin;  // it may have ended by then
}

/// What an actor did that gave an end away: nothing if it had it to its end.
const Event* gives_away(const History& history, int actor, int end, std::int64_t after) {
  for (const auto& event : history.of_actor[static_cast<std::size_t>(actor)]) {
    if (event.begin < after) continue;
    if (event.kind == OpKind::close_end && event.object == end) return &event;
    const bool passes = (event.is_put() || event.kind == OpKind::send) && event.moved_end == end;
    if (passes && (event.done() || event.outcome == Outcome::under_way)) return &event;
  }
  return nullptr;
}

/// Who received the item that `put` put, if somebody did.
const Event* receipt_of(const History& history, const Event& put) {
  for (const auto& event : history.events) {
    const bool takes = event.is_get() || event.kind == OpKind::recv;
    if (takes && event.done() && event.from_actor == put.actor && event.number == put.number)
      return &event;
  }
  return nullptr;
}

Life life_of(const History& history, int end) {
  Life life;
  const auto at = static_cast<std::size_t>(end);
  life.holder = history.program->ends[at].actor;
  std::int64_t since = 0;
  while (true) {
    life.first_death = std::min(life.first_death, death_of(history, life.holder));
    const auto* const event = gives_away(history, life.holder, end, since);
    if (event == nullptr) {
      const auto& fate = history.fate_of(life.holder);
      if (!fate.exit_code && fate.ended_at == kNever) return life;  // it has it still
      const auto& its = history.of_actor[static_cast<std::size_t>(life.holder)];
      life.how = !fate.exit_code        ? Loss::unknown
                 : fate.was_killed()    ? Loss::killed
                 : *fate.exit_code == 0 ? Loss::closed
                                        : Loss::status;
      life.until = fate.was_killed() ? fate.killed_at : its.empty() ? 0 : its.back().begin;
      break;
    }
    if (event->kind == OpKind::close_end) {
      life.how = event->done() ? Loss::closed : Loss::unknown;
      life.until = event->begin;
      break;
    }
    const auto* const receipt = receipt_of(history, *event);
    if (receipt == nullptr) {
      life.how = Loss::unknown;
      life.until = event->begin;
      life.holder = kInFlight;
      break;
    }
    life.holder = receipt->actor;
    since = receipt->begin;
  }
  life.until = std::max(life.until, history.kept_until[at]);
  return life;
}

class EndCheck {
 public:
  EndCheck(const History& history, int end, std::vector<std::string>& faults)
      : history_(history), end_(end), other_(life_of(history, end ^ 1)), faults_(faults) {
    for (const auto& event : history.events) {
      if (event.kind == OpKind::send && event.object == (end ^ 1)) sends_.push_back(event);
      if (event.object != end || event.kind < OpKind::send || event.kind > OpKind::learn_send)
        continue;
      uses_.push_back(event);
      const bool receives = event.kind <= OpKind::poll_for && event.kind != OpKind::send;
      if (receives && history.killed(event.actor)) may_lose_ = true;
    }
  }

  void run() {
    match();
    order();
    for (const auto& use : uses_) {
      if (use.outcome == Outcome::closed || use.outcome == Outcome::lost) told(use);
    }
  }

 private:
  void fault(const std::string& what, const Event& event) {
    faults_.push_back(fmt::format("e{} {}: {}", end_, what, describe(event, history_.start)));
  }

  void match() {
    std::map<std::pair<int, std::uint32_t>, std::size_t> by_name;
    for (std::size_t i = 0; i < sends_.size(); ++i)
      by_name[{sends_[i].actor, sends_[i].number}] = i;
    received_.assign(sends_.size(), kNever);
    for (const auto& use : uses_) {
      if (use.kind != OpKind::recv || !use.done() || use.from_actor == kNobody) continue;
      const auto found = by_name.find({use.from_actor, use.number});
      if (found == by_name.end()) {
        fault("received what nobody has sent", use);
        continue;
      }
      if (received_[found->second] != kNever) fault("received a message twice", use);
      received_[found->second] = use.begin;
    }
  }

  void order() {
    std::map<int, const Event*> latest;  // receivers follow each other
    for (const auto& use : uses_) {
      if (use.kind != OpKind::recv || !use.done()) continue;
      auto& before = latest[use.from_actor];
      if (before != nullptr && before->number > use.number)
        fault(fmt::format("received message {}.{} before this", use.from_actor, before->number),
              use);
      before = &use;
    }
  }

  /// It is gone for the reason told; and all that it had sent has been received.
  void told(const Event& use) {
    if (use.outcome == Outcome::closed && use.end < other_.until)
      fault("says Closed, but the other end is open", use);
    if (use.outcome == Outcome::closed && other_.how == Loss::killed)
      fault("says Closed, but the process at the other end was killed", use);
    if (use.outcome == Outcome::lost && use.end < other_.first_death)
      fault("says ProcessLost, but no process that had the other end has died", use);
    if (use.kind != OpKind::recv || may_lose_) return;
    for (std::size_t i = 0; i < sends_.size(); ++i) {
      const auto& send = sends_[i];
      if (!send.done() || send.end > use.begin || received_[i] < use.begin) continue;
      fault(fmt::format("says so, but has not received message {}.{}", send.actor, send.number),
            use);
      return;
    }
  }

  const History& history_;
  int end_;
  Life other_;
  std::vector<std::string>& faults_;
  std::vector<Event> sends_, uses_;
  std::vector<std::int64_t> received_;  // of sends_: when
  bool may_lose_ = false;  // a process that received has died, with what had reached it
};

}  // namespace

void check_end(const History& history, int end, std::vector<std::string>& faults) {
  EndCheck(history, end, faults).run();
}

/// A recv, while nothing has been sent, and somebody has the other end.
bool may_wait_for_message(const History& history, const Event& event) {
  std::int64_t sent = 0, received = 0;
  bool may_lose = false;
  for (const auto& other : history.events) {
    if (other.kind == OpKind::send && other.object == (event.object ^ 1) && other.done()) ++sent;
    if (other.object != event.object) continue;
    if (other.kind == OpKind::recv && other.done()) ++received;
    const bool receives = other.kind >= OpKind::recv && other.kind <= OpKind::poll_for;
    if (receives && history.fate_of(other.actor).ended_at != kNever) may_lose = true;
  }
  if (sent > received && !may_lose) return false;
  const auto other = event.object ^ 1;
  const auto life = life_of(history, other);
  // One that is in a message which nobody has received may be on its way. A death is told even if the
  // main process has a copy.
  const bool kept = history.kept_until[static_cast<std::size_t>(other)] == kNever;
  return life.how == Loss::none || life.holder == kInFlight || (kept && life.how != Loss::killed);
}

}  // namespace mpx_random
