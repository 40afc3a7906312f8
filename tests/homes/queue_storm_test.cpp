#include <set>
#include <tuple>

#include "homes/queue_home_support.hpp"

namespace mpx::detail {
namespace {

/// Producers, getters and, unless it is calm, deaths and cancels at random; recalls and deliveries
/// arrive late. What comes back from the dead comes late, so order is promised in calm only.
class QueueHomeStorm : public QueueHomeTest,
                       public testing::WithParamInterface<std::tuple<std::size_t, bool>> {};

TEST_P(QueueHomeStorm, LosesAndDoublesNothingAndAnswersEveryone) {
  const auto [capacity, calm] = GetParam();
  SCOPED_TRACE("MPX_TEST_SEED=" + std::to_string(test_seed()));
  Dice dice(test_seed() + capacity);
  bounded(capacity);
  std::uint64_t next_process = 20;
  std::vector<ProcessId> alive;
  const auto arrive = [&] {
    alive.push_back(process(next_process++));
    takers[alive.back()];
  };
  for (int i = 0; i < 4; ++i) arrive();
  struct Waiting {
    ProcessId who;
    int item = -1;  // of a putter
  };
  std::map<std::uint64_t, Waiting> waiting;
  std::set<int> in_queue;  // put and not taken
  std::deque<Frame> late;  // deliveries and recalls on their way, in order
  int next_item = 0, taken = 0;
  std::map<ProcessId, int> last_taken;
  const auto take_all = [&, calm = calm](ProcessId who, std::size_t most) {
    while (most-- > 0) {
      const auto text = takers[who].take();
      if (!text) return;
      ++taken;
      ASSERT_EQ(in_queue.erase(std::stoi(*text)), 1u) << "item " << *text << " twice";
      ASSERT_TRUE(!calm || std::stoi(*text) + 1 > last_taken[who])
          << "one producer's items out of order";
      last_taken[who] = std::stoi(*text) + 1;
    }
  };
  const auto collect = [&] {
    for (auto& frame : out.take()) {
      const auto& header = frame.header;
      if (header.kind == Kind::queue_items) waiting.erase(header.call);
      if (header.kind == Kind::queue_items || header.kind == Kind::recall) {
        late.push_back(std::move(frame));
      } else if (const auto found = waiting.find(header.call);
                 header.kind == Kind::reply && found != waiting.end()) {
        ASSERT_EQ(header.to, found->second.who);
        if (found->second.item >= 0 && header.status == 1) in_queue.erase(found->second.item);
        waiting.erase(found);
      }
    }
  };
  const auto bring = [&] {
    auto frame = std::move(late.front());
    late.pop_front();
    const auto who = frame.header.to;
    if (!takers.contains(who)) return;  // its end has been told
    if (frame.header.kind == Kind::recall) return answer_recall(who);
    takers[who].deliver(std::move(frame));
  };
  for (int event = 0; event < 20'000; ++event) {
    const auto who = dice.pick(alive);
    switch (dice.below(8)) {
      case 0:
      case 1: {
        if (in_queue.size() > 200) break;
        in_queue.insert(next_item);
        const auto text = std::to_string(next_item++);
        if (capacity == 0 && dice.chance(0.5)) {
          put(text);
          break;
        }
        if (capacity == 0) {
          in_queue.insert(next_item);
          put_gathered({text, std::to_string(next_item)});
          ++next_item;
          break;
        }
        waiting[next_call] = {producer, next_item - 1};
        dice.chance(0.5) ? put(text, next_call) : try_put(text, next_call);
        ++next_call;
        break;
      }
      case 2:
      case 3:
        if (!takers[who].ahead.empty()) break;
        waiting[next_call] = {who};
        get(who, next_call++, dice.chance(0.5) ? Kind::queue_get : Kind::queue_try_get, 8);
        break;
      case 4:
        ASSERT_NO_FATAL_FAILURE(take_all(who, 1 + dice.below(4)));
        break;
      case 5:
        if (!calm && !waiting.empty() && dice.chance(0.5)) {
          const auto [call, waiter] = *waiting.begin();
          queue->on_cancel(waiter.who, call, out);
        }
        break;
      case 6:
        if (calm || !dice.chance(0.05)) break;
        die(who);
        std::erase(alive, who);
        std::erase_if(waiting, [&](const auto& entry) { return entry.second.who == who; });
        arrive();
        break;
      default:
        for (auto n = dice.below(4); n > 0 && !late.empty(); --n) bring();
    }
    ASSERT_NO_FATAL_FAILURE(collect());
  }
  // The storm is over: with all deliveries made, one getter drains the queue.
  for (const auto& [call, waiter] : std::map(waiting)) {
    if (waiter.item < 0) queue->on_cancel(waiter.who, call, out);
  }
  const auto last = process(next_process++);
  takers[last];
  while (true) {
    ASSERT_NO_FATAL_FAILURE(collect());
    if (!late.empty()) {
      bring();
      continue;
    }
    for (auto& [who, taker] : takers) ASSERT_NO_FATAL_FAILURE(take_all(who, 100'000));
    if (in_queue.empty()) break;
    ASSERT_FALSE(waiting.contains(next_call))
        << "a getter is not answered, " << in_queue.size() << " items left";
    waiting[++next_call] = {last};
    get(last, next_call, Kind::queue_try_get, 8);
    ASSERT_NO_FATAL_FAILURE(collect());
    ASSERT_TRUE(!late.empty() || !out.frames.empty()) << in_queue.size() << " items are lost";
  }
  for (const auto& [call, waiter] : waiting)
    ADD_FAILURE() << "call " << call << " was never answered";
  EXPECT_GT(taken, 500);
}

INSTANTIATE_TEST_SUITE_P(Capacities, QueueHomeStorm,
                         testing::Combine(testing::Values(0, 1, 5), testing::Bool()));

}  // namespace
}  // namespace mpx::detail
