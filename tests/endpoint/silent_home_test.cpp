// Every wait with a time limit keeps it, also where the home that would answer never does.

#include <gtest/gtest.h>

#include "support/memory_job.hpp"

namespace mpx::detail {
namespace {

using namespace std::chrono_literals;

/// A handle that rank 1 has made, as rank 0 knows it.
template <class T>
T of_rank_1(MemoryJob& job, const T& made) {
  auto copies = handed_to_all(job, made, 1);
  return at(copies, 0);
}

struct SilentHome : testing::Test {
  // On two nodes, so that rank 0 has to ask for the words of rank 1, too.
  MemoryJob job{2, {}, 1024, {"here", "there"}};

  /// Calls `wait` with a time limit, as rank 0; it has to come back, also from one of 0.
  template <class Wait>
  void keeps_its_limit(const char* what, Wait wait) {
    SCOPED_TRACE(what);
    const auto start = std::chrono::steady_clock::now();
    job.as(0, [&] { wait(Duration(30ms)); });
    EXPECT_GE(std::chrono::steady_clock::now() - start, 30ms) << "it has waited";
    job.as(0, [&] { wait(Duration(0ms)); });
  }
};

TEST_F(SilentHome, AQueueKeepsTheTimeLimitsOfItsUsers) {
  const QueueOptions one{.capacity = 1, .home = Rank(1)}, few{.budget_bytes = 1, .home = Rank(1)};
  Queue<int> made_full(one), made_few(few), made_empty(few);
  Queue<int> full, over, empty;
  job.as(1, [&] { made_full.put(1); });
  full = of_rank_1(job, made_full);
  over = of_rank_1(job, made_few);
  empty = of_rank_1(job, made_empty);
  int put = 0;
  job.as(0, [&] { over.put(put++); });
  job.silence(1);
  keeps_its_limit("try_put_for, bounded",
                  [&](Duration limit) { EXPECT_FALSE(full.try_put_for(2, limit)); });
  keeps_its_limit("try_put_for, unbounded", [&](Duration limit) {
    for (; over.try_put_for(put, limit); ++put) ASSERT_LT(put, 50'000);
  });
  keeps_its_limit("try_get_for",
                  [&](Duration limit) { EXPECT_EQ(empty.try_get_for(limit), std::nullopt); });
  job.wake(1);
  job.as(0, [&] {
    EXPECT_FALSE(full.try_put(3)) << "it holds the one that it held";
    EXPECT_EQ(full.get(), 1);
    EXPECT_TRUE(full.try_put_for(4, 10s)) << "what was reserved late has been given back";
    EXPECT_EQ(full.get(), 4);
    for (int i = 0; i < put; ++i) ASSERT_EQ(over.get(), i);
    EXPECT_EQ(over.try_get(), std::nullopt) << "none whose put has returned false";
    empty.put(5);
    EXPECT_EQ(empty.get(), 5);
  });
}

// More queues than there are claims: an item that comes late goes back to where it was.
TEST_F(SilentHome, AnItemThatComesTooLateIsNotLostWithoutAClaimEither) {
  std::vector<Queue<int>> others(kClaimSlots);
  Queue<int> made(QueueOptions{.home = Rank(1)});
  job.as(1, [&] {
    made.put(1);
    made.put(2);
  });
  const auto queue = of_rank_1(job, made);
  job.as(0, [&] {
    for (const auto& other : others) EXPECT_EQ(other.try_get(), std::nullopt);
  });
  job.silence(1);
  keeps_its_limit("try_get_for",
                  [&](Duration limit) { EXPECT_EQ(queue.try_get_for(limit), std::nullopt); });
  job.wake(1);
  job.as(1, [&] {
    const auto one = made.try_get_for(10s), other = made.try_get_for(10s);
    ASSERT_TRUE(one && other);
    EXPECT_EQ(*one + *other, 3) << "in which order depends on when the one is back";
  });
}

TEST_F(SilentHome, LocksAndTheLikeKeepTheTimeLimitsOfTheirUsers) {
  Lock made_lock;
  RecursiveLock made_recursive;
  Semaphore made_semaphore(1);
  Event made_event;
  Barrier made_barrier(2);
  job.as(1, [&] {
    made_lock.lock();
    made_lock.unlock();
    EXPECT_TRUE(made_recursive.try_lock());
    EXPECT_TRUE(made_semaphore.try_acquire());
    made_semaphore.release();
    EXPECT_FALSE(made_event.is_set());
    EXPECT_EQ(made_barrier.waiting(), 0u);
  });
  const auto lock = of_rank_1(job, made_lock);
  const auto recursive = of_rank_1(job, made_recursive);
  const auto semaphore = of_rank_1(job, made_semaphore);
  const auto event = of_rank_1(job, made_event);
  const auto barrier = of_rank_1(job, made_barrier);
  job.silence(1);
  keeps_its_limit("Lock", [&](Duration limit) { EXPECT_FALSE(lock.try_lock_for(limit)); });
  keeps_its_limit("RecursiveLock",
                  [&](Duration limit) { EXPECT_FALSE(recursive.try_lock_for(limit)); });
  keeps_its_limit("Semaphore",
                  [&](Duration limit) { EXPECT_FALSE(semaphore.try_acquire_for(limit)); });
  keeps_its_limit("Event", [&](Duration limit) { EXPECT_FALSE(event.wait_for(limit)); });
  keeps_its_limit("Barrier",
                  [&](Duration limit) { EXPECT_THROW(barrier.wait_for(limit), BrokenBarrier); });
  job.wake(1);
  job.as(0, [&] {
    EXPECT_TRUE(lock.try_lock_for(10s)) << "what was granted late has been given back";
    lock.unlock();
    EXPECT_TRUE(semaphore.try_acquire_for(10s));
    semaphore.release();
    EXPECT_EQ(semaphore.value(), 1u);
    EXPECT_TRUE(barrier.broken());
  });
  job.as(1, [&] { made_recursive.unlock(); });
}

TEST_F(SilentHome, AConnectionKeepsTheTimeLimitsOfItsUsers) {
  std::pair<Connection, Connection> made;
  job.as(1, [&] { made = pipe(); });
  const auto end = of_rank_1(job, made.first);
  job.silence(1);
  keeps_its_limit("poll_for", [&](Duration limit) { EXPECT_FALSE(end.poll_for(limit)); });
  job.wake(1);
  job.as(1, [&] { made.second.send(1); });
  job.as(0, [&] {
    EXPECT_TRUE(end.poll_for(10s));
    EXPECT_EQ(end.recv<int>(), 1);
  });
}

}  // namespace
}  // namespace mpx::detail
