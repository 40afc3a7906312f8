#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

/// What every benchmark program shares: its options, its clock and its output.
namespace bench {

/// `--quick`: tiny numbers, to see that the program works; its figures mean nothing.
inline bool quick(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--quick") == 0) return true;
  }
  return false;
}

/// The number behind an option of the command line, or `otherwise`.
inline std::uint64_t number_after(const char* option, int argc, char** argv,
                                  std::uint64_t otherwise) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], option) == 0) return std::stoull(argv[i + 1]);
  }
  return otherwise;
}

/// `--parties N`: how many processes take part, where these are not ranks.
inline std::size_t parties(int argc, char** argv) {
  return number_after("--parties", argc, argv, 2);
}

/// Nanoseconds on a clock that all processes of a node share.
inline std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// How long `action` takes, in seconds.
template <class Action>
double seconds(Action&& action) {
  const auto start = now_ns();
  action();
  return static_cast<double>(now_ns() - start) * 1e-9;
}

inline double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Median of `repetitions` timings of `action`, in seconds, after one that is not counted.
template <class Action>
double median_seconds(int repetitions, Action&& action) {
  action();
  std::vector<double> times;
  for (int i = 0; i < repetitions; ++i) times.push_back(seconds(action));
  return median(std::move(times));
}

/// One measured figure. compare.py adds ranks, round, date and host.
inline void emit(const char* benchmark, const char* variant, long size, const char* metric,
                 const char* unit, double value) {
  std::printf("%s,%s,%ld,%s,%s,%.9g\n", benchmark, variant, size, metric, unit, value);
  std::fflush(stdout);
}

/// Round trips of a message of `size` bytes took `seconds` each.
inline void emit_pipe(const char* benchmark, const char* variant, long size, double seconds) {
  emit(benchmark, variant, size, "round_trip", "us", seconds * 1e6);
  const double mebibytes = 2.0 * static_cast<double>(size) / (1 << 20);
  if (size > 8) emit(benchmark, variant, size, "bandwidth", "MiB/s", mebibytes / seconds);
}

/// What one round of a barrier takes, in seconds. To be called by all who meet there.
template <class Wait>
double barrier_time(bool quick, Wait&& wait) {
  const int rounds = quick ? 5 : 200;
  return median_seconds(9,
                        [&] {
                          for (int i = 0; i < rounds; ++i) wait();
                        }) /
         rounds;
}

/// Message sizes of the pipe benchmarks, and round trips timed together for each.
struct PipeCase {
  long size;
  int round_trips;
};
inline std::vector<PipeCase> pipe_cases(bool quick) {
  if (quick) return {{8, 10}, {65536, 2}};
  return {{8, 2000}, {65536, 300}, {1 << 20, 40}, {32 << 20, 2}};
}
/// Items of the queue benchmark that are large: bytes of each, and how many are moved together.
inline std::vector<PipeCase> queue_cases(bool quick) {
  if (quick) return {{1 << 20, 2}};
  return {{1 << 20, 100}, {32 << 20, 6}};
}
inline std::vector<long> queue_sizes(bool quick) {
  return quick ? std::vector<long>{100} : std::vector<long>{10000, 100000, 1000000};
}

/// Pure computing: no system call, no memory. Returns something that depends on all of it.
inline std::uint64_t compute(std::uint64_t steps) {
  std::uint64_t x = 88172645463325252u;
  for (std::uint64_t i = 0; i < steps; ++i) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
  }
  return x;
}

/// Steps of compute() that take about a second here; the same number for all variants of a call.
inline std::uint64_t compute_steps(int argc, char** argv) {
  return number_after("--steps", argc, argv, quick(argc, argv) ? 1000000u : 500000000u);
}

}  // namespace bench
