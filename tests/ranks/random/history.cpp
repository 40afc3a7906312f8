#include "ranks/random/history.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mpx_random {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000, kSecond = 1000 * kMillisecond;
constexpr std::int64_t kLate = 10 * kSecond;  // a machine may be busy

/// Operations with a time limit last as long as that, and hardly longer.
void check_times(const History& history, std::vector<std::string>& faults) {
  for (const auto& event : history.events) {
    const bool limited = event.kind == OpKind::try_put_for || event.kind == OpKind::try_get_for ||
                         event.kind == OpKind::poll_for;
    const bool tries = event.kind == OpKind::try_put || event.kind == OpKind::try_get ||
                       event.kind == OpKind::poll || event.kind == OpKind::size;
    if (event.end == kNever || (!limited && !tries)) continue;
    const auto took = event.end - event.begin;
    const auto limit = limited ? event.value * 1000 : 0;
    if (took > limit + kLate)
      faults.push_back("longer than its time limit: " + describe(event, history.start));
    if (limited && event.outcome == Outcome::none && took < limit - kMillisecond)
      faults.push_back("gave up before its time limit: " + describe(event, history.start));
  }
}

void check_outcomes(const History& history, std::vector<std::string>& faults) {
  for (const auto& event : history.events) {
    const auto text = describe(event, history.start);
    if (event.outcome == Outcome::bad) faults.push_back("unexpected: " + text);
    const bool learns = event.kind == OpKind::learn_put || event.kind == OpKind::learn_send;
    if (learns && event.outcome == Outcome::none)
      faults.push_back("is never told that it puts or sends to what is gone: " + text);
    const bool of_pipe = event.kind >= OpKind::send && event.kind <= OpKind::learn_send;
    if (event.outcome == Outcome::lost && !of_pipe) faults.push_back("ProcessLost: " + text);
    if (event.outcome == Outcome::closed && event.kind > OpKind::learn_send)
      faults.push_back("Closed: " + text);
    if (event.outcome == Outcome::under_way && !history.killed(event.actor))
      faults.push_back("its process ended well, in the middle of: " + text);
  }
}

}  // namespace

std::string describe(const Event& event, std::int64_t start) {
  const auto ms = [&](std::int64_t time) {
    return static_cast<double>(time - start) / static_cast<double>(kMillisecond);
  };
  auto text = fmt::format("{:10.3f} ms  ", ms(event.begin));
  text +=
      event.actor == kReferee ? std::string("referee ") : fmt::format("actor {:<2}", event.actor);
  text += fmt::format(" {}", name_of(event.kind));
  const bool of_pipe = event.kind >= OpKind::send && event.kind <= OpKind::learn_send;
  if (event.object >= 0)
    text += fmt::format(" {}{}",
                        of_pipe                                                    ? "e"
                        : event.kind > OpKind::inner && event.kind != OpKind::fill ? "process "
                                                                                   : "q",
                        event.object);
  if (event.is_put() || event.kind == OpKind::send)
    text += fmt::format(" item {}.{} ({} B)", event.actor, event.number, event.bytes);
  if (event.from_actor != kNobody)
    text += fmt::format(" item {}.{} ({} B)", event.from_actor, event.number, event.bytes);
  if (event.moved_end >= 0) text += fmt::format(" with e{}", event.moved_end);
  if (event.value != 0) text += fmt::format(" [{}]", event.value);
  text += fmt::format(": {}", name_of(event.outcome));
  if (event.end != kNever) text += fmt::format(" after {:.3f} ms", ms(event.end) - ms(event.begin));
  return text;
}

void History::read(const Board& board) {
  events.clear();
  of_actor.assign(kMostActors, {});
  for (int actor = 0; actor < kMostActors; ++actor) {
    const auto& log = board.actors[static_cast<std::size_t>(actor)];
    for (std::uint32_t i = 0, n = log.count.load(); i < n; ++i) {
      const auto& record = log.records[i];
      Event event;
      event.actor = actor;
      event.outcome = record.outcome.load();  // first: what it promises is there
      event.kind = record.kind;
      event.object = record.object;
      event.moved_end = record.moved_end;
      event.from_actor = event.is_get() || event.kind == OpKind::recv ? record.from_actor : kNobody;
      event.number = record.number;
      event.bytes = record.bytes;
      event.begin = record.begin;
      if (event.outcome != Outcome::under_way) event.end = record.end;
      event.value = record.value;
      of_actor[static_cast<std::size_t>(actor)].push_back(event);
      events.push_back(event);
    }
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const Event& a, const Event& b) { return a.begin < b.begin; });
}

int History::process_of(int actor) const {
  return actor == kReferee ? 0 : program->actors[static_cast<std::size_t>(actor)].process;
}

std::vector<std::string> faults_of(const History& history) {
  std::vector<std::string> faults;
  check_outcomes(history, faults);
  check_times(history, faults);
  for (int queue = 0; queue < static_cast<int>(history.program->queues.size()); ++queue)
    check_queue(history, queue, faults);
  for (int end = 0; end < static_cast<int>(history.program->ends.size()); ++end)
    check_end(history, end, faults);
  return faults;
}

bool may_wait(const History& history, const Event& event) {
  switch (event.kind) {
    case OpKind::put:
    case OpKind::get:
      return may_wait_for_queue(history, event);
    case OpKind::recv:
      return may_wait_for_message(history, event);
    case OpKind::join:
      return history.fates[static_cast<std::size_t>(event.object)].ended_at == kNever;
    default:
      return false;  // all others end by themselves
  }
}

}  // namespace mpx_random
