// A lock that goes round: how many turns there are, and how evenly they are dealt.
#pragma once

#include <algorithm>
#include <numeric>

#include "common/bench.hpp"

namespace bench {

/// How long all take turns.
inline std::chrono::milliseconds turns_time(bool quick) {
  return std::chrono::milliseconds(quick ? 20 : 2000);
}

/// How many turns this process has in that time.
template <class Turn>
std::int64_t take_turns(std::chrono::milliseconds time, Turn&& turn) {
  std::int64_t turns = 0;
  const auto end = now_ns() + std::chrono::nanoseconds(time).count();
  for (; now_ns() < end; ++turns) turn();
  return turns;
}

/// Prints what the processes have counted: turns a second, and most to least of one process.
inline void emit_turns(const char* benchmark, const char* variant,
                       const std::vector<std::int64_t>& turns, std::chrono::milliseconds time) {
  const auto size = static_cast<long>(turns.size());
  const auto all = std::accumulate(turns.begin(), turns.end(), std::int64_t{0});
  const auto [least, most] = std::minmax_element(turns.begin(), turns.end());
  emit(benchmark, variant, size, "throughput", "1/s",
       static_cast<double>(all) / std::chrono::duration<double>(time).count());
  emit(benchmark, variant, size, "most_to_least", "x",
       static_cast<double>(*most) / static_cast<double>(*least));
}

}  // namespace bench
