// Conditions over both kinds of lock, barriers and arrays, on ranks and in processes.

#include <gtest/gtest.h>

#include <mpx/mpx.hpp>
#include <mutex>
#include <thread>

#include "ranks/sync_support.hpp"

namespace {

using namespace std::chrono_literals;

TEST(Condition, WaitAndNotifyWantTheLock) {
  here_and_in_a_process([] {
    for (const auto& condition : {mpx::Condition(mpx::Lock()), mpx::Condition()}) {
      need_throw<mpx::UsageError>([&] { condition.wait(); });
      need_throw<mpx::UsageError>([&] { static_cast<void>(condition.wait_for(1ms)); });
      need_throw<mpx::UsageError>([&] { condition.notify_one(); });
      need_throw<mpx::UsageError>([&] { condition.notify_all(); });
    }
    const mpx::Condition condition;
    condition.lock();
    std::thread([&] {
      need_throw<mpx::UsageError>([&] { condition.notify_one(); });
      need_throw<mpx::UsageError>([&] { condition.wait(); });
    }).join();
    condition.unlock();
  });
}

TEST(Condition, NotifyStoresNothing) {
  here_and_in_a_process([] {
    for (const auto& condition : {mpx::Condition(mpx::Lock()), mpx::Condition()}) {
      const std::unique_lock guard(condition);
      condition.notify_one();
      condition.notify_all();
      need(!condition.wait_for(5ms));
      need(!condition.wait_for(0s));
    }
  });
}

/// What the processes of a test tell each other.
struct Board {
  mpx::Value<int> waiting, woken, go;
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& waiting& woken& go;
  }
};

void wait_once(mpx::Condition condition, Board board) {
  const std::unique_lock guard(condition);
  board.waiting.fetch_add(1);
  condition.wait();
  board.woken.fetch_add(1);
  condition.notify_all();
}

/// Returns, with the lock, when so many wait: who counts itself under the lock waits when another
/// has it.
void lock_when_waiting(const mpx::Condition& condition, const Board& board, int count) {
  while (true) {
    condition.lock();
    if (board.waiting.load() >= count) return;
    condition.unlock();
    std::this_thread::yield();
  }
}

TEST(Condition, WaitReleasesARecursiveLockFully) {
  const mpx::RecursiveLock lock;
  const mpx::Condition condition(lock);
  const Board board;
  lock.lock();
  lock.lock();
  mpx::Process process(
      [](mpx::Condition wanted, Board there) {
        const std::unique_lock guard(wanted);
        there.go.store(1);
        wanted.notify_one();
      },
      condition, board);
  process.start();
  condition.wait([&] { return board.go.load() == 1; });
  lock.unlock();
  run_processes(
      1, [](mpx::RecursiveLock held) { need(!held.try_lock()); }, lock);
  lock.unlock();
  EXPECT_THROW(lock.unlock(), mpx::UsageError);
  process.join();
}

TEST(Condition, ATimedOutWaiterSwallowsNoNotification) {
  for (const auto& condition : {mpx::Condition(mpx::Lock()), mpx::Condition()}) {
    const Board board;
    mpx::Process process(wait_once, condition, board);
    process.start();
    lock_when_waiting(condition, board, 1);
    EXPECT_FALSE(condition.wait_for(2ms));
    condition.notify_one();
    condition.unlock();
    process.join();
    EXPECT_EQ(process.exit_code(), 0);
    EXPECT_EQ(board.woken.load(), 1);
  }
}

TEST(Condition, NotifiesSoManyInTheOrderOfWaiting) {
  const mpx::Condition condition;
  const Board board;
  std::vector<mpx::Process> processes;
  for (int i = 0; i < 3; ++i) {
    processes.emplace_back(
        [](mpx::Condition wanted, Board there, int place) {
          const std::unique_lock guard(wanted);
          there.waiting.fetch_add(1);
          wanted.wait();
          need(there.woken.fetch_add(1) == place);
        },
        condition, board, i);
    processes.back().start();
    lock_when_waiting(condition, board, i + 1);
    condition.unlock();
  }
  condition.lock();
  condition.notify(2);
  condition.unlock();
  processes[0].join();
  processes[1].join();
  EXPECT_TRUE(processes[2].is_alive());
  EXPECT_EQ(board.woken.load(), 2);
  condition.lock();
  condition.notify(5);
  condition.unlock();
  processes[2].join();
  for (const auto& process : processes) EXPECT_EQ(process.exit_code(), 0);
}

TEST(Condition, WaitForAPredicateHasOneBudget) {
  const mpx::Condition condition;
  const Board board;
  mpx::Process process(  // with a budget for each wait, it would go on for ever
      [](mpx::Condition there, Board told) {
        while (told.go.load() == 0) {
          const std::unique_lock guard(there);
          there.notify_all();
        }
      },
      condition, board);
  process.start();
  {
    const std::unique_lock guard(condition);
    EXPECT_FALSE(condition.wait_for(50ms, [] { return false; }));
    EXPECT_TRUE(condition.wait_for(0s, [] { return true; }));
  }
  board.go.store(1);
  process.join();
  EXPECT_EQ(process.exit_code(), 0);
}

TEST(Condition, IsWokenByTheDeathOfTheHolder) {
  const mpx::Lock lock;
  const mpx::Condition condition(lock);
  lock.lock();
  mpx::Process process(
      [](mpx::Lock held) {
        held.lock();
        ::raise(SIGKILL);
      },
      lock);
  process.start();
  condition.wait();
  EXPECT_TRUE(lock.abandoned());
  lock.unlock();
  process.join();
}

TEST(Condition, HandsItemsFromProducersToConsumers) {
  const mpx::Condition condition(mpx::Lock{});
  const mpx::Value<int> items(0), taken(0);
  std::vector<mpx::Process> processes;
  for (int i = 0; i < 2; ++i) {
    processes.emplace_back(
        [](mpx::Condition changed, mpx::Value<int> there, mpx::Value<int> count) {
          for (int n = 0; n < 50; ++n) {
            const std::unique_lock guard(changed);
            changed.wait([&] { return there.load() > 0; });
            there.store(there.load() - 1);
            count.store(count.load() + 1);
          }
        },
        condition, items, taken);
    processes.emplace_back(
        [](mpx::Condition changed, mpx::Value<int> there) {
          for (int n = 0; n < 50; ++n) {
            const std::unique_lock guard(changed);
            there.store(there.load() + 1);
            changed.notify_one();
          }
        },
        condition, items);
  }
  for (const auto& process : processes) process.start();
  for (const auto& process : processes) process.join();
  EXPECT_EQ(items.load(), 0);
  EXPECT_EQ(taken.load(), 100);
}

TEST(Array, ReadsAndWritesElementsAndSlices) {
  here_and_in_a_process([] {
    const mpx::Array<int> array(5);
    need(array.size() == 5 && array.load(4) == 0);
    array.store(4, 9);
    const std::vector<int> values{1, 2, 3};
    array.write(1, values);
    std::vector<int> all(5);
    array.read(0, all);
    need(all == std::vector{0, 1, 2, 3, 9});
    array.read(5, std::span<int>());
    need(mpx::Array<double>{0.5, 1.5}.load(1) == 1.5);
    need(mpx::Array<char>(std::string("text")).load(3) == 't');
    need(mpx::Array<int>().size() == 0);
    need_throw<std::out_of_range>([&] { static_cast<void>(array.load(5)); });
    need_throw<std::out_of_range>([&] { array.store(5, 0); });
    need_throw<std::out_of_range>([&] { array.write(3, values); });
    need_throw<std::out_of_range>([&] { array.read(6, std::span<int>()); });
    need_throw<mpx::UsageError>([] { mpx::Array<double>(std::size_t{1} << 61); });
    need_throw<mpx::UsageError>([] { mpx::Array<char>(std::size_t{1} << 56).store(0, 'x'); });
    need_throw<mpx::UsageError>([] { mpx::Array<char>(std::size_t{1} << 42).store(0, 'x'); });
  });
}

template <class T>
void expect_whole_elements() {
  const mpx::Array<T> array(4);
  const mpx::Value<int> stop(0);
  std::vector<mpx::Process> writers;
  for (const T pattern : {T{0}, static_cast<T>(~T{0})}) {
    writers.emplace_back(
        [](mpx::Array<T> shared, mpx::Value<int> end, T value) {
          while (end.load() == 0) shared.store(2, value);
        },
        array, stop, pattern);
    writers.back().start();
  }
  for (int i = 0; i < 500; ++i) {
    const T seen = array.load(2);
    EXPECT_TRUE(seen == 0 || seen == static_cast<T>(~T{0})) << "half an element: " << +seen;
  }
  EXPECT_EQ(array.load(1) + array.load(3), 0);
  stop.store(1);
  for (const auto& writer : writers) writer.join();
}

TEST(Array, ElementsAreAtomic) {
  expect_whole_elements<std::uint8_t>();
  expect_whole_elements<std::uint16_t>();
  expect_whole_elements<std::uint32_t>();
  expect_whole_elements<std::uint64_t>();
}

TEST(Array, ItsLockGuardsWhatIsDoneInSeveralSteps) {
  const mpx::Array<long> array(3);
  run_processes(
      3,
      [](mpx::Array<long> shared) {
        const auto lock = shared.get_lock();
        for (int i = 0; i < 30; ++i) {
          const std::scoped_lock guard(lock);
          std::vector<long> all(3);
          shared.read(0, all);
          need(all[0] == all[1] && all[1] == all[2]);
          for (std::size_t n = 0; n < 3; ++n) shared.store(n, all[n] + 1);
        }
      },
      array);
  EXPECT_EQ(array.load(2), 90);
}

}  // namespace
