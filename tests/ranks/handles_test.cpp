// 100,000 handles that are made, passed on, used elsewhere, passed back and dropped.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <mpx/mpx.hpp>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "ranks/job_support.hpp"

namespace {

using Handles = std::tuple<mpx::Value<int>, mpx::Lock, mpx::Queue<int>, mpx::Connection>;

long resident_kib(pid_t pid) {
  std::ifstream statm("/proc/" + std::to_string(pid) + "/statm");
  long all = 0, resident = 0;
  statm >> all >> resident;
  return resident * (::sysconf(_SC_PAGESIZE) >> 10);
}

/// Parent of the parent: the rank that supervises the calling process.
pid_t rank_pid() {
  std::ifstream stat("/proc/" + std::to_string(::getppid()) + "/stat");
  std::string text;
  std::getline(stat, text);
  return std::stoi(text.substr(text.rfind(')') + 4));
}

void use_and_pass_back(mpx::Queue<std::vector<Handles>> in, mpx::Queue<std::vector<Handles>> out,
                       mpx::Queue<pid_t> pids) {
  pids.put(rank_pid());
  while (true) {
    auto some = in.get();
    if (some.empty()) return;
    for (const auto& [value, lock, queue, end] : some) {
      const std::scoped_lock guard(lock);
      value.store(value.load() + 1);
      queue.put(7);
      end.send(8);
    }
    out.put(std::move(some));
  }
}

TEST(Handles, ComeBackAfterAHundredThousand) {
  const int rounds = mpx_job_test::repeats(250);
  constexpr int kEach = 100;  // of four handles that travel, and one that stays
  mpx::Queue<std::vector<Handles>> there, back;
  mpx::Queue<pid_t> pids;
  mpx::Process user(mpx::ProcessOptions{.rank = mpx::Rank(1)}, use_and_pass_back, there, back,
                    pids);
  user.start();
  const std::vector<pid_t> watched{::getpid(), pids.get(), user.pid()};
  std::vector<long> early;
  for (int round = 0; round < rounds; ++round) {
    if (round == rounds / 5) {
      for (const auto pid : watched) early.push_back(resident_kib(pid));
    }
    std::vector<Handles> some;
    std::vector<mpx::Connection> kept;
    for (int i = 0; i < kEach; ++i) {
      auto [near, far] = mpx::pipe();
      kept.push_back(near);
      some.emplace_back(mpx::Value<int>(i), mpx::Lock(), mpx::Queue<int>(), far);
    }
    there.put(std::move(some));
    const auto returned = back.get();
    ASSERT_EQ(returned.size(), std::size_t{kEach});
    for (std::size_t i = 0; i < returned.size(); ++i) {
      const auto& [value, lock, queue, end] = returned[i];
      ASSERT_EQ(value.load(), static_cast<int>(i) + 1);
      ASSERT_TRUE(lock.try_lock());
      lock.unlock();
      ASSERT_EQ(queue.get(), 7);
      ASSERT_EQ(kept[i].recv<int>(), 8);
    }
  }
  for (std::size_t i = 0; i < watched.size(); ++i) {
    const auto late = resident_kib(watched[i]);
    std::cout << "pid " << watched[i] << ": " << early[i] << " KiB, later " << late << " KiB\n";
    EXPECT_LT(late - early[i], 6 << 10) << "pid " << watched[i];
  }
  // Nearly all of a rank's 65,536 words at once, two for each Value: none of the earlier is taken.
  there.put({});
  user.join();
  std::vector<mpx::Value<int>> all;
  for (int i = 0; i < 32'500; ++i) {
    all.emplace_back(i);
    ASSERT_EQ(all.back().load(), i);
  }
}

}  // namespace
