// Large values, whose bytes are handed over in memory that processes share.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <mpx/mpx.hpp>
#include <string>
#include <vector>

#include "job_support.hpp"

namespace {

using Row = std::vector<std::uint32_t>;

constexpr std::size_t kElements = 300'000;  // 1.1 MiB

Row row_of(std::uint32_t number, std::size_t size = kElements) {
  Row row(size);
  for (std::size_t i = 0; i < size; ++i) row[i] = number + static_cast<std::uint32_t>(i) * 7;
  return row;
}
/// The number of a row that is whole; an exception else.
std::uint32_t number_of(const Row& row) {
  if (row.empty() || row != row_of(row[0], row.size()))
    throw std::runtime_error("a row is damaged");
  return row[0];
}

void limit(__rlimit_resource resource, rlim_t to) {
  rlimit now{};
  ::getrlimit(resource, &now);
  now.rlim_cur = to;
  ::setrlimit(resource, &now);
}

TEST(Large, ValuesOfAllSizesComeWholeFromProcessToProcess) {
  const mpx::Queue<Row> queue;
  auto [a, b] = mpx::pipe();
  mpx::Process producer(
      [](mpx::Queue<Row> to, mpx::Connection also) {
        for (std::uint32_t i = 1; i <= 60; ++i) {
          to.put(row_of(i, 1 + i * i * 700));
          also.send(row_of(i, 1 + (61 - i) * 10'000));
        }
      },
      queue, b);
  mpx::Process consumer(
      [](mpx::Queue<Row> from, mpx::Connection also) {
        for (std::uint32_t i = 1; i <= 60; ++i) {
          if (number_of(from.get()) != i || number_of(also.recv<Row>()) != i) mpx::exit(2);
        }
      },
      queue, a);
  producer.start();
  consumer.start();
  producer.join();
  consumer.join();
  EXPECT_EQ(consumer.exit_code(), 0);
}

TEST(Large, MemoryIsUsedAgainOnlyWhenNobodyReadsIt) {
  const mpx::Queue<Row> there, back;
  std::vector<mpx::Process> workers;
  for (int i = 0; i < 3; ++i) {
    workers.emplace_back(
        [](mpx::Queue<Row> from, mpx::Queue<Row> to) {
          while (true) {
            auto row = from.get();
            const auto number = number_of(row);
            if (number == 0) return;
            to.put(row_of(number + 1000));
          }
        },
        there, back);
    workers.back().start();
  }
  constexpr std::uint32_t kItems = 100;
  for (std::uint32_t i = 1; i <= kItems; ++i) there.put(row_of(i));
  std::vector<bool> come(kItems + 1);
  for (std::uint32_t i = 0; i < kItems; ++i) come.at(number_of(back.get()) - 1000) = true;
  for (std::uint32_t i = 1; i <= kItems; ++i) EXPECT_TRUE(come[i]) << i;
  for (int i = 0; i < 3; ++i) there.put(row_of(0));
  for (auto& worker : workers) worker.join();
}

TEST(Large, WhatAProcessHadNotTakenWhenItWasKilledIsThere) {
  const mpx::Queue<Row> queue;
  for (std::uint32_t i = 0; i < 20; ++i) queue.put(row_of(i));
  mpx::Process process(
      [](mpx::Queue<Row> from) {
        for (int i = 0; i < 3; ++i) static_cast<void>(number_of(from.get()));
        std::raise(SIGKILL);
      },
      queue);
  process.start();
  process.join();
  EXPECT_EQ(process.exit_code(), -SIGKILL);
  for (std::uint32_t i = 3; i < 20; ++i) EXPECT_EQ(number_of(queue.get()), i);
}

TEST(Large, AProducerMayBeKilledAtAnyTime) {
  for (int after = 0; after < mpx_job_test::repeats(10); ++after) {
    const mpx::Queue<Row> queue;
    mpx::Process process(
        [](mpx::Queue<Row> to) {
          for (std::uint32_t i = 0;; ++i) to.put(row_of(i));
        },
        queue);
    process.start();
    std::uint32_t next = 0;
    for (int i = 0; i <= after; ++i) EXPECT_EQ(number_of(queue.get()), next++);
    process.kill();
    process.join();
    while (auto row = queue.try_get()) EXPECT_EQ(number_of(*row), next++);
  }
}

TEST(Large, AnArgumentIsThereForTheNextTryToo) {
  mpx::Pool pool(1);
  const mpx::Value<int> tries;
  const auto number = [](mpx::Value<int> count, const Row& row) {
    const auto found = number_of(row);
    if (count.fetch_add(1) == 0) std::raise(SIGKILL);
    return found;
  };
  EXPECT_EQ(pool.apply(number, tries, row_of(17)), 17u);
  EXPECT_EQ(tries.load(), 2);
}

TEST(Large, ElementsOfAMapComeWhole) {
  mpx::Pool pool(2);
  std::vector<Row> rows;
  for (std::uint32_t i = 0; i < 20; ++i) rows.push_back(row_of(i, 1000 + i * 20'000));
  const auto same =
      pool.map([](const Row& row) { return row_of(number_of(row), row.size()); }, rows);
  EXPECT_EQ(same, rows);
}

TEST(Large, AProcessWithFewDescriptorsSendsAndTakesMany) {
  const mpx::Queue<Row> there, back;
  mpx::Process process(
      [](mpx::Queue<Row> from, mpx::Queue<Row> to) {
        limit(RLIMIT_NOFILE, 64);
        std::vector<Row> rows;
        for (int i = 0; i < 60; ++i) rows.push_back(from.get());
        for (const auto& row : rows) to.put(row_of(number_of(row)));
      },
      there, back);
  process.start();
  for (std::uint32_t i = 0; i < 60; ++i) there.put(row_of(i));
  for (std::uint32_t i = 0; i < 60; ++i) EXPECT_EQ(number_of(back.get()), i);
  process.join();
  EXPECT_EQ(process.exit_code(), 0);
}

TEST(Large, AProcessThatMayWriteNoFilesSends) {
  auto [a, b] = mpx::pipe();
  mpx::Process process(
      [](mpx::Connection to) {
        limit(RLIMIT_FSIZE, 0);
        to.send(row_of(3));
        to.send(row_of(4));
      },
      b);
  process.start();
  EXPECT_EQ(number_of(a.recv<Row>()), 3u);
  EXPECT_EQ(number_of(a.recv<Row>()), 4u);
  process.join();
  EXPECT_EQ(process.exit_code(), 0);
}

TEST(Large, ACopyOfAProcessDoesNotDisturbIt) {
  auto [a, b] = mpx::pipe();
  mpx::Process process(
      [](mpx::Connection end) {
        for (std::uint32_t i = 0; i < 5; ++i) {
          const auto row = end.recv<Row>();
          const auto copy = ::fork();
          if (copy == 0) ::_exit(number_of(row) == i ? 0 : 1);
          end.send(row_of(i + 10));
          int status = 1;
          ::waitpid(copy, &status, 0);
          if (status != 0) mpx::exit(2);
        }
      },
      b);
  process.start();
  for (std::uint32_t i = 0; i < 5; ++i) {
    a.send(row_of(i));
    EXPECT_EQ(number_of(a.recv<Row>()), i + 10);
  }
  process.join();
  EXPECT_EQ(process.exit_code(), 0);
}

}  // namespace
