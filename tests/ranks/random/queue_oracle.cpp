// What must be so of a queue, however its users' operations were interleaved.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "ranks/random/history.hpp"

namespace mpx_random {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

struct Put {
  Event event;
  const Event* got = nullptr;
};

class QueueCheck {
 public:
  QueueCheck(const History& history, int queue, std::vector<std::string>& faults)
      : history_(history),
        name_(fmt::format("q{}", queue)),
        plan_(history.program->queues[static_cast<std::size_t>(queue)]),
        faults_(faults) {
    for (const auto& event : history.events) {
      if (event.object != queue) continue;
      if (event.is_put()) puts_.push_back({event});
      if (event.is_get()) gets_.push_back(event);
      if (event.kind == OpKind::size) sizes_.push_back(event);
      if (event.kind == OpKind::flush) (event.done() ? flushes_ : closed_flushes_).push_back(event);
      if (event.kind == OpKind::learn_put) closed_flushes_.push_back(event);  // tells it, too
      if (event.kind == OpKind::close_queue) closes_.push_back(event);
    }
    for (const auto& get : gets_) {
      if (get.outcome == Outcome::under_way) ++cut_short_;
    }
  }

  void run() {
    match();
    order();
    losses();
    emptiness();
    sizes();
    room();
    closing();
  }

 private:
  void fault(const std::string& what, const Event& event) {
    faults_.push_back(fmt::format("{} {}: {}", name_, what, describe(event, history_.start)));
  }

  /// Every item that was got was put, and is got once.
  void match() {
    std::map<std::pair<int, std::uint32_t>, Put*> by_name;
    for (auto& put : puts_) by_name[{put.event.actor, put.event.number}] = &put;
    for (const auto& get : gets_) {
      if (!get.done() || get.from_actor == kNobody) continue;
      const auto found = by_name.find({get.from_actor, get.number});
      if (found == by_name.end()) {
        fault("gave what nobody has put", get);
        continue;
      }
      auto& [put, got] = *found->second;
      if (got != nullptr) fault("gave an item twice", get);
      got = &get;
      if (!put.done() && put.outcome != Outcome::under_way)
        fault("gave an item whose put had failed", get);
    }
  }

  /// What a process was about to take when it was killed may have been away, and come back.
  [[nodiscard]] bool in_limbo(std::int64_t begin, std::int64_t end) const {
    return std::any_of(gets_.begin(), gets_.end(), [&](const Event& get) {
      if (get.outcome != Outcome::under_way || get.begin > end) return false;
      const auto ended = history_.fate_of(get.actor).ended_at;
      return ended == kNever || ended + kSecond >= begin;
    });
  }

  /// Items of one producer come out in its order.
  void order() {
    if (cut_short_ > 0) return;
    std::map<int, std::vector<const Event*>> of_producer;
    for (const auto& get : gets_) {
      if (get.done()) of_producer[get.from_actor].push_back(&get);
    }
    for (auto& [producer, by_begin] : of_producer) {
      auto by_end = by_begin;
      std::sort(by_end.begin(), by_end.end(),
                [](const Event* a, const Event* b) { return a->end < b->end; });
      const Event* latest = nullptr;  // of those that had ended
      std::size_t ended = 0;
      for (const auto* get : by_begin) {
        for (; ended < by_end.size() && by_end[ended]->end < get->begin; ++ended) {
          if (latest == nullptr || by_end[ended]->number > latest->number) latest = by_end[ended];
        }
        if (latest != nullptr && latest->number > get->number)
          fault(fmt::format("gave item {}.{} before this", producer, latest->number), *get);
      }
    }
  }

  [[nodiscard]] bool flushed(const Event& put, std::int64_t by) const {
    return std::any_of(flushes_.begin(), flushes_.end(), [&](const Event& flush) {
      return history_.process_of(flush.actor) == history_.process_of(put.actor) &&
             flush.begin >= put.end && flush.end <= by;
    });
  }
  /// Whether a flush says that all is well after `put`, and nothing had told that it is closed.
  [[nodiscard]] bool reassured(const Event& put) const {
    const auto process = history_.process_of(put.actor);
    auto told = kNever;
    const auto look = [&](const Event& event) {
      if (event.outcome == Outcome::closed && history_.process_of(event.actor) == process &&
          event.end >= put.end)
        told = std::min(told, event.end);
    };
    for (const auto& other : puts_) look(other.event);
    for (const auto& get : gets_) look(get);
    for (const auto& flush : closed_flushes_) look(flush);
    return flushed(put, told);
  }
  /// Only a queue without capacity lets a put return before the item is there.
  [[nodiscard]] bool answered() const { return plan_.capacity != 0; }

  /// An item that was put is got, unless its consumer died; or unless the queue was closed before
  /// it was there: then all that its producer put later is refused too, and no flush succeeds.
  void losses() {
    int lost = 0;
    std::map<int, const Event*> dropped;  // the first of each producer
    for (const auto& [put, got] : puts_) {
      if (!put.done()) continue;
      if (got != nullptr) {
        if (const auto before = dropped.find(put.actor); before != dropped.end() && cut_short_ == 0)
          fault(fmt::format("took this, but not item {}.{} before it", put.actor,
                            before->second->number),
                put);
        continue;
      }
      const bool may_race = !closes_.empty() && !answered();
      if (may_race && !reassured(put))
        dropped.try_emplace(put.actor, &put);
      else if (may_race)
        fault("was closed before it had this item, and flush did not say so", put);
      else if (++lost > cut_short_)
        fault(fmt::format("lost an item ({} more than killed consumers could have taken)",
                          lost - cut_short_),
              put);
    }
  }

  /// Whether `put` is in the queue for the whole time.
  [[nodiscard]] bool is_in(const Put& put, const Event& during) const {
    const auto& event = put.event;
    if (!event.done() || put.got == nullptr || put.got->begin < during.end) return false;
    if (event.end > during.begin) return false;
    return answered() || flushed(event, during.begin) ||
           history_.process_of(event.actor) == history_.process_of(during.actor);
  }
  /// Whether it may be in it for some of the time.
  static bool may_be_in(const Put& put, const Event& during) {
    if (!put.event.done() && put.event.outcome != Outcome::under_way) return false;
    return put.event.begin <= during.end && (put.got == nullptr || put.got->end >= during.begin);
  }

  /// Who finds nothing, or Closed, finds an empty queue; a time limit may pass before the answer.
  void emptiness() {
    for (const auto& get : gets_) {
      const bool nothing = get.outcome == Outcome::none && get.kind == OpKind::try_get;
      if (!nothing && get.outcome != Outcome::closed) continue;
      if (in_limbo(get.begin, get.end)) continue;
      const auto found =
          std::find_if(puts_.begin(), puts_.end(), [&](const Put& put) { return is_in(put, get); });
      if (found != puts_.end())
        fault(fmt::format("had item {}.{} all the while", found->event.actor, found->event.number),
              get);
    }
  }

  void sizes() {
    for (const auto& size : sizes_) {
      if (!size.done()) continue;
      const auto least = std::count_if(puts_.begin(), puts_.end(),
                                       [&](const Put& put) { return is_in(put, size); });
      const auto most = std::count_if(puts_.begin(), puts_.end(),
                                      [&](const Put& put) { return may_be_in(put, size); });
      const bool limbo = in_limbo(size.begin, size.end);
      if (size.value > most || (size.value < least && !limbo))
        fault(fmt::format("had {} to {} items", least, most), size);
      if (plan_.capacity != 0 &&
          size.value > static_cast<std::int64_t>(plan_.capacity) + cut_short_)
        fault("has more items than its capacity", size);
    }
  }

  /// No more items than the capacity, and nobody is told that it is full where it is not.
  void room() {
    std::vector<std::pair<std::int64_t, int>> changes;
    for (const auto& [put, got] : puts_) {
      if (!put.done() || got == nullptr) continue;
      changes.emplace_back(put.end, 1);
      changes.emplace_back(std::max(got->begin, put.end), -1);
    }
    std::sort(changes.begin(), changes.end());
    int inside = 0;
    for (const auto& [time, change] : changes) {
      inside += change;
      if (plan_.capacity == 0 || inside <= static_cast<int>(plan_.capacity) + cut_short_) continue;
      faults_.push_back(
          fmt::format("{} holds {} items, its capacity is {}", name_, inside, plan_.capacity));
      break;
    }
    for (const auto& [put, got] : puts_) {
      // A time limit may pass before the answer.
      if (put.outcome != Outcome::none || put.kind != OpKind::try_put) continue;
      std::size_t items = 0, bytes = 0;
      for (const auto& other : puts_) {
        if (!may_be_in(other, put)) continue;
        ++items;
        bytes += other.event.bytes + 512;
      }
      const bool full = (plan_.capacity != 0 && items >= plan_.capacity) ||
                        (items > 0 && bytes >= plan_.budget_bytes);
      if (!full) fault(fmt::format("had room, with at most {} items", items), put);
    }
  }

  /// Closed means that somebody has closed it.
  void closing() {
    auto first_begin = kNever, first_end = kNever;
    for (const auto& close : closes_) {
      first_begin = std::min(first_begin, close.begin);
      if (close.done()) first_end = std::min(first_end, close.end);
    }
    const auto check = [&](const Event& event) {
      if (event.outcome == Outcome::closed && event.end < first_begin)
        fault("says Closed before it is closed", event);
    };
    for (const auto& get : gets_) check(get);
    for (const auto& [put, got] : puts_) {
      check(put);
      if (put.done() && put.begin > first_end && answered())
        fault("took an item after it was closed", put);
    }
  }

  const History& history_;
  std::string name_;
  const QueuePlan& plan_;
  std::vector<std::string>& faults_;
  std::vector<Put> puts_;
  std::vector<Event> gets_, sizes_, flushes_, closed_flushes_, closes_;
  int cut_short_ = 0;  // gets of processes that were killed in them
};

}  // namespace

void check_queue(const History& history, int queue, std::vector<std::string>& faults) {
  QueueCheck(history, queue, faults).run();
}

/// A get, while there is nothing; a put, while there may be no room.
bool may_wait_for_queue(const History& history, const Event& event) {
  const auto& plan = history.program->queues[static_cast<std::size_t>(event.object)];
  std::int64_t put = 0, perhaps = 0, got = 0, taken = 0, bytes = 0;
  for (const auto& other : history.events) {
    if (other.object != event.object) continue;
    if (other.kind == OpKind::close_queue && other.done()) return false;
    const bool dead = history.fate_of(other.actor).ended_at != kNever;
    const bool cut_short = other.outcome == Outcome::under_way && dead;
    if (other.is_put() && (other.done() || cut_short)) {
      (other.done() ? put : perhaps)++;
      bytes += other.bytes + 512;
    }
    if (other.is_get()) {
      if (other.done()) {
        ++got;
        bytes -= other.bytes + 512;
      }
      if (cut_short) ++taken;
    }
  }
  if (event.is_get()) return put - got - taken <= 0;
  const auto most = put + perhaps - got;
  if (plan.capacity != 0 && most >= static_cast<std::int64_t>(plan.capacity)) return true;
  return most > 0 && bytes >= static_cast<std::int64_t>(plan.budget_bytes);
}

}  // namespace mpx_random
