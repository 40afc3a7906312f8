// Ints from one process to another: put one by one, taken out one by one.
#include <mpx/mpx.hpp>
#include <stdexcept>
#include <vector>

#include "common/bench.hpp"

namespace {

constexpr int kRepetitions = 3;
constexpr int kLargeRepetitions = 5;
using Item = std::vector<char>;

void put_all(mpx::Queue<int> items, mpx::Connection ready, long size) {
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    ready.recv<int>();
    for (long i = 0; i < size; ++i) items.put(static_cast<int>(i));
  }
}

void get_all(mpx::Queue<int> items, mpx::Connection ready, long size) {
  std::vector<double> times;
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    times.push_back(bench::seconds([&] {
      ready.send(repetition);
      for (long i = 0; i < size; ++i) {
        if (items.get() != i) throw std::logic_error("queue: wrong order");
      }
    }));
  }
  const double rate = static_cast<double>(size) / bench::median(times);
  bench::emit("queue", "mpx", size, "throughput", "1/s", rate);
}

void put_large(mpx::Queue<Item> items, mpx::Connection ready, long size, int count) {
  const Item item(static_cast<std::size_t>(size));
  for (int repetition = 0; repetition < kLargeRepetitions; ++repetition) {
    ready.recv<int>();
    for (int i = 0; i < count; ++i) items.put(item);
  }
}

void get_large(mpx::Queue<Item> items, mpx::Connection ready, long size, int count) {
  std::vector<double> times;
  for (int repetition = 0; repetition < kLargeRepetitions; ++repetition) {
    times.push_back(bench::seconds([&] {
      ready.send(repetition);
      for (int i = 0; i < count; ++i) {
        if (items.get().size() != static_cast<std::size_t>(size))
          throw std::logic_error("queue: an item came short");
      }
    }));
  }
  const double bytes = static_cast<double>(size) * count;
  bench::emit("queue_large", "mpx", size, "bandwidth", "MiB/s",
              bytes / (1 << 20) / bench::median(times));
}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [&] {
    for (const long size : bench::queue_sizes(bench::quick(argc, argv))) {
      const mpx::Queue<int> items;
      const auto [waits, starts] = mpx::pipe();
      mpx::Process producer(put_all, items, waits, size);
      mpx::Process consumer(get_all, items, starts, size);
      producer.start();
      consumer.start();
      consumer.join();
      producer.join();
    }
    for (const auto [size, count] : bench::queue_cases(bench::quick(argc, argv))) {
      const mpx::Queue<Item> items;
      const auto [waits, starts] = mpx::pipe();
      mpx::Process producer(put_large, items, waits, size, count);
      mpx::Process consumer(get_large, items, starts, size, count);
      producer.start();
      consumer.start();
      consumer.join();
      producer.join();
    }
  });
}
