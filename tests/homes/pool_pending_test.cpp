#include "homes/pool_pending.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "support/homes.hpp"
#include "wire/pool.hpp"

namespace mpx::detail {
namespace {

PoolBatch batch_of(std::uint64_t number, std::uint64_t size, std::uint64_t depth) {
  Packer body;
  body.put(PoolSubmission{number, 9, size, 0, depth, 1});
  for (std::uint64_t i = 0; i < size; ++i) body.put('e');
  return {number, request(Kind::pool_submit, process(1)), {std::move(body).take(), {}}};
}

TEST(PoolPending, UnitsGoOutByDepthThenBatchByBatch) {
  auto first = batch_of(1, 2, 0), second = batch_of(2, 1, 0), deep = batch_of(3, 1, 1);
  PoolPending pending;
  pending.add(first);
  pending.add(second);
  pending.add(deep);
  EXPECT_EQ(pending.units(), 4u);
  std::vector<std::uint64_t> order;
  while (!pending.empty()) {
    auto* const batch = pending.levels().begin()->second.front();
    order.push_back(batch->number());
    pending.take(*batch, 1);
  }
  EXPECT_EQ(order, (std::vector<std::uint64_t>{3, 1, 1, 2}));
  EXPECT_EQ(pending.units(), 0u);
}

TEST(PoolPending, WhatComesBackGoesOutNext) {
  auto first = batch_of(1, 9, 0), second = batch_of(2, 9, 0);
  PoolPending pending;
  pending.add(first);
  pending.add(second);
  const auto taken = pending.take(first, 3);
  pending.take(second, 3);
  pending.put_back(second, {1, 3});
  EXPECT_EQ(pending.levels().at(0).front(), &second);
  pending.put_back(first, taken);
  EXPECT_EQ(pending.levels().at(0).front(), &first);
  EXPECT_EQ(pending.units(), 17u);
  const auto again = pending.take(first, 99);
  EXPECT_EQ(again.first, 0u);
  EXPECT_EQ(again.end, 9u) << "what belongs together is one piece again";
  const auto piece = pending.take(second, 99);
  EXPECT_EQ(piece.first, 1u);
  EXPECT_EQ(piece.end, 9u);
}

/// Against a list of all units, one by one.
TEST(PoolPending, RandomTrafficKeepsTheOrder) {
  const auto seed = test_seed();
  SCOPED_TRACE("MPX_TEST_SEED=" + std::to_string(seed));
  Dice dice(seed);
  using Unit = std::pair<PoolBatch*, std::uint64_t>;
  std::map<std::uint64_t, std::deque<Unit>, std::greater<>> model;
  std::vector<std::unique_ptr<PoolBatch>> batches;
  std::vector<std::pair<PoolBatch*, PoolUnits>> out;  // with processes
  PoolPending pending;
  // The batch of what came back goes first, with all that it has.
  const auto put_back = [&](PoolBatch& batch, PoolUnits units) {
    auto& level = model[batch.head().depth];
    const auto others = std::stable_partition(
        level.begin(), level.end(), [&](const Unit& unit) { return unit.first == &batch; });
    static_cast<void>(others);
    for (auto i = units.end; i-- > units.first;) level.push_front({&batch, i});
  };
  for (int event = 0; event < 20'000; ++event) {
    const auto action = dice.below(10);
    if (action == 0) {
      const auto size = 1 + dice.below(20);
      batches.push_back(
          std::make_unique<PoolBatch>(batch_of(batches.size() + 1, size, dice.below(3))));
      pending.add(*batches.back());
      for (std::uint64_t i = 0; i < size; ++i)
        model[batches.back()->head().depth].push_back({batches.back().get(), i});
    } else if (action < 6 && !pending.empty()) {
      auto& batch = *dice.pick(batches);
      const auto level = pending.levels().find(batch.head().depth);
      if (level == pending.levels().end()) continue;
      auto& front = *level->second.front();
      auto& expected = model.at(front.head().depth);
      const auto units = pending.take(front, 1 + dice.below(5));
      for (auto i = units.first; i < units.end; ++i) {
        ASSERT_EQ(expected.front(), Unit(&front, i));
        expected.pop_front();
      }
      out.emplace_back(&front, units);
    } else if (action < 9 && !out.empty()) {
      std::swap(dice.pick(out), out.back());
      const auto [batch, units] = out.back();
      out.pop_back();
      if (dice.chance(0.5)) continue;  // finished
      pending.put_back(*batch, units);
      put_back(*batch, units);
    } else if (action == 9 && !batches.empty() && dice.chance(0.1)) {
      auto* const gone = dice.pick(batches).get();
      pending.drop(*gone);
      std::erase_if(model[gone->head().depth],
                    [&](const Unit& unit) { return unit.first == gone; });
      std::erase_if(out, [&](const auto& with) { return with.first == gone; });
    }
    std::uint64_t units = 0;
    for (const auto& [depth, level] : model) {
      units += level.size();
      ASSERT_EQ(level.empty(), !pending.levels().contains(depth));
    }
    ASSERT_EQ(pending.units(), units);
  }
}

}  // namespace
}  // namespace mpx::detail
