// Whatever the settings of a queue, an item costs a bounded number of messages, also where each recall
// comes before a process could take what it was handed: homes and clients do not ask each other in
// circles.

#include <set>
#include <tuple>

#include "homes/queue_home_support.hpp"

namespace mpx::detail {
namespace {

// Capacity, budget in bytes, processes that get, whether another one asks for the size all the time.
using Setting = std::tuple<std::size_t, std::size_t, std::uint64_t, bool>;

class QueueFrames : public QueueHomeTest, public testing::WithParamInterface<Setting> {
 protected:
  /// All that is on its way arrives, recalls before the takers have looked; counts frames.
  void exchange() {
    for (bool some = true; some;) {
      some = false;
      for (auto& frame : out.take()) {
        ++frames;
        const auto to = frame.header.to;
        if (frame.header.kind == Kind::recall) {
          some = true;
          ++frames;
          answer_recall(to);
        } else if (frame.header.kind == Kind::queue_items) {
          asking.erase(to);
          takers[to].deliver(std::move(frame));
        } else if (frame.header.kind == Kind::reply) {
          asking.erase(to);
          if (to == producer) under_way = false;
          if (to == poller) polling = false;
        }
      }
    }
  }

  const ProcessId poller = process(8);
  std::set<ProcessId> asking;  // getters without an answer
  bool under_way = false;      // a put that wants an answer
  bool polling = false;
  std::size_t frames = 0;
};

TEST_P(QueueFrames, AnItemCostsABoundedNumberOfThem) {
  constexpr std::size_t kItems = 2000, kPerItem = 12;
  const auto [capacity, budget, getters, polls] = GetParam();
  bounded(capacity, budget);
  const std::string item(50, 'x');
  std::size_t put_so_far = 0, got_so_far = 0;
  for (std::size_t round = 0; got_so_far < kItems; ++round) {
    ASSERT_LT(round, 3 * kItems) << got_so_far << " of " << kItems << " items have come";
    ASSERT_LT(frames, kPerItem * (got_so_far + 100)) << "after " << got_so_far << " items";
    if (!under_way && put_so_far < kItems) {
      // As a producer does it: some without an answer, then one with, which waits for room.
      for (int i = 0; capacity == 0 && i < 30 && put_so_far + 1 < kItems; ++i, ++put_so_far)
        put(item);
      under_way = true;
      ++put_so_far;
      ++frames;
      put(item, next_call++);
    }
    for (std::uint64_t i = 0; i < getters; ++i) {
      const auto who = process(i + 1);
      if (!takers[who].ahead.empty() || !asking.insert(who).second) continue;
      ++frames;
      get(who, next_call++);
    }
    if (polls && !std::exchange(polling, true)) {
      ++frames;
      queue->on(request(Kind::queue_info, poller, next_call++), {}, out);
    }
    exchange();
    for (auto& [who, taker] : takers) {
      if (taker.take()) ++got_so_far;
    }
  }
  EXPECT_EQ(put_so_far, kItems);
}

INSTANTIATE_TEST_SUITE_P(Settings, QueueFrames,
                         testing::Combine(testing::Values(0, 1, 7),
                                          testing::Values(std::size_t{1}, std::size_t{1000},
                                                          std::size_t{1} << 28),
                                          testing::Values(1, 2, 3), testing::Bool()));

}  // namespace
}  // namespace mpx::detail
