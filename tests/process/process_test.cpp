// Processes that are threads of this one: so that what they are made of (Peer, StreamLink, the
// process objects) runs under the sanitizers with everything else.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/memory_job.hpp"

namespace mpx::detail {
namespace {

using namespace std::chrono_literals;

std::atomic<int> calls = 0;

struct ProcessTest : testing::Test {
  MemoryJob job{3, {}, 1024, {}, 2};
};

TEST_F(ProcessTest, StartsJoinsAndHasAnExitCode) {
  job.as(0, [] {
    calls = 0;
    std::vector<mpx::Process> all;
    for (int i = 0; i < 12; ++i) all.emplace_back([](int by) { calls += by; }, i);
    for (const auto& process : all) process.start();
    for (const auto& process : all) process.join();
    EXPECT_EQ(calls, 66);
    for (const auto& process : all) EXPECT_EQ(process.exit_code(), 0);
    EXPECT_FALSE(all[0].is_alive());
    EXPECT_TRUE(mpx::active_children().empty());
  });
}

TEST_F(ProcessTest, AnExceptionIsReportedAndIsExitCode1) {
  job.as(0, [] {
    testing::internal::CaptureStderr();
    const mpx::Process process([] { throw std::runtime_error("as expected"); });
    process.start();
    process.join();
    EXPECT_EQ(process.exit_code(), 1);
    const auto said = testing::internal::GetCapturedStderr();
    EXPECT_NE(said.find("as expected"), std::string::npos) << said;
  });
}

void wait_for_ever(const mpx::Queue<int>& queue) { static_cast<void>(queue.get()); }

TEST_F(ProcessTest, EndsByASignalWhileItWaits) {
  job.as(0, [] {
    const mpx::Queue<int> queue;
    for (const bool hard : {true, false}) {
      const mpx::Process process(wait_for_ever, queue);
      process.start();
      EXPECT_TRUE(process.is_alive());
      EXPECT_FALSE(process.join_for(1ms));
      if (hard) {
        process.kill();
      } else {
        process.terminate();
      }
      process.join();
      EXPECT_EQ(process.exit_code(), hard ? -SIGKILL : -SIGTERM);
    }
    queue.put(1);  // nobody waits for it any more
    EXPECT_EQ(queue.get(), 1);
  });
}

void start_another(const mpx::Queue<std::string>& names, int depth) {
  names.put(mpx::current_process().name);
  if (depth == 0) return;
  const mpx::Process next(mpx::ProcessOptions{.name = "p" + std::to_string(depth)}, start_another,
                          names, depth - 1);
  next.start();  // joined by the end of this one
}

TEST_F(ProcessTest, HasChildrenOfItsOwn) {
  job.as(0, [] {
    const mpx::Queue<std::string> names;
    const mpx::Process first(mpx::ProcessOptions{.name = "first"}, start_another, names, 3);
    first.start();
    first.join();
    EXPECT_EQ(names.get(), "first");
    for (const auto* name : {"p3", "p2", "p1"}) EXPECT_EQ(names.get(), name);
    EXPECT_TRUE(names.empty());
  });
}

void keep(const mpx::Queue<int>& own, const mpx::Queue<int>& ready) {
  ready.put(1);
  static_cast<void>(own.get());
}

// What a process was given and holds is given up at its death, at whatever moment it comes.
TEST_F(ProcessTest, LeavesNoObjectBehind) {
  std::size_t before = 0;
  job.as(0, [&] {
    const mpx::Queue<int> ready;
    ready.put(0);
    static_cast<void>(ready.get());
    before = job.objects();
    for (int round = 0; round < 30; ++round) {
      const mpx::Process process(keep, mpx::Queue<int>(), ready);
      process.start();
      if (round % 2 == 0) static_cast<void>(ready.get());
      process.kill();
      process.join();
      if (round % 2 != 0) static_cast<void>(ready.try_get_for(1ms));
    }
    EXPECT_TRUE(job.settles([&] { return job.objects() <= before; }))
        << job.objects() << " of " << before;
  });
}

TEST_F(ProcessTest, TakesAndGivesLargeValues) {
  job.as(0, [] {
    auto [here, there] = mpx::pipe();
    const mpx::Process process(
        [](const mpx::Connection& end) {
          for (int i = 0; i < 3; ++i) {
            auto values = end.recv<std::vector<long>>();
            for (auto& value : values) ++value;
            end.send(values);
          }
        },
        there);
    process.start();
    for (const std::size_t size : {std::size_t{10}, std::size_t{100'000}, std::size_t{1'000'000}}) {
      here.send(std::vector<long>(size, 41));
      const auto back = here.recv<std::vector<long>>();
      EXPECT_EQ(back, std::vector<long>(size, 42));
    }
    process.join();
  });
}

}  // namespace
}  // namespace mpx::detail
