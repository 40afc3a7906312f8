#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <mpx/mpx.hpp>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;

int exit_code_of(const mpx::Process& process) {
  process.start();
  process.join();
  return process.exit_code().value();
}

void nothing() {}
void wait_for_ever() {
  while (true) ::pause();
}
struct Counter {
  int start = 0;
  void count(const mpx::Queue<int>& queue, int times) const {
    for (int i = 0; i < times; ++i) queue.put(start + i);
  }
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& start;
  }
};

TEST(Process, ReportsHowItsProcessEnded) {
  EXPECT_EQ(exit_code_of(mpx::Process(nothing)), 0);
  EXPECT_EQ(exit_code_of(mpx::Process([] { mpx::exit(7); })), 7);
  EXPECT_EQ(exit_code_of(mpx::Process([] { std::exit(3); })), 3);
  EXPECT_EQ(exit_code_of(mpx::Process([] { std::raise(SIGSEGV); })), -SIGSEGV);
  EXPECT_EQ(exit_code_of(mpx::Process([] { std::abort(); })), -SIGABRT);
  EXPECT_EQ(exit_code_of(mpx::Process([] { ::kill(::getpid(), SIGKILL); })), -SIGKILL);
  EXPECT_EQ(exit_code_of(mpx::Process([] { throw std::runtime_error("on purpose"); })), 1);
  EXPECT_EQ(exit_code_of(mpx::Process([] { throw 42; })), 1);
}

TEST(Process, TerminateAndKillEndIt) {
  mpx::Process gentle(wait_for_ever);
  gentle.start();
  EXPECT_TRUE(gentle.is_alive());
  EXPECT_FALSE(gentle.exit_code());
  gentle.terminate();
  gentle.join();
  EXPECT_EQ(gentle.exit_code(), -SIGTERM);
  EXPECT_FALSE(gentle.is_alive());
  gentle.terminate();  // of one that has ended: nothing

  mpx::Process stopped([] {
    ::kill(::getpid(), SIGSTOP);
    wait_for_ever();
  });
  stopped.start();
  EXPECT_FALSE(stopped.join_for(50ms));
  stopped.kill();
  stopped.join();
  EXPECT_EQ(stopped.exit_code(), -SIGKILL);
}

TEST(Process, NothingThatComesAfterKillFindsItAlive) {
  for (int round = 0; round < 20; ++round) {
    const mpx::Queue<int> ready, items;
    mpx::Process process(
        [](const mpx::Queue<int>& tells, const mpx::Queue<int>& gets) {
          tells.put(0);
          try {
            gets.get();
          } catch (const mpx::Closed&) {
            mpx::exit(5);
          }
        },
        ready, items);
    process.start();
    ready.get();
    process.kill();
    items.close();
    process.join();
    ASSERT_EQ(process.exit_code(), -SIGKILL);
  }
}

TEST(Process, JoinForGivesUpInTime) {
  mpx::Process process(wait_for_ever);
  process.start();
  EXPECT_FALSE(process.join_for(20ms));
  EXPECT_FALSE(process.join_for(0s));
  process.kill();
  EXPECT_TRUE(process.join_for(30s));
}

TEST(Process, MisuseIsAUsageError) {
  mpx::Process process(nothing);
  EXPECT_THROW(process.join(), mpx::UsageError);
  EXPECT_THROW(static_cast<void>(process.pid()), mpx::UsageError);
  EXPECT_FALSE(process.is_alive());
  process.start();
  EXPECT_THROW(process.start(), mpx::UsageError);
  process.join();
  process.close();
  EXPECT_THROW(process.join(), mpx::UsageError);
  mpx::Process alive(wait_for_ever);
  alive.start();
  EXPECT_THROW(alive.close(), mpx::UsageError);
  alive.kill();
  alive.join();
  EXPECT_THROW(mpx::Process(mpx::ProcessOptions{.rank = 4711}, nothing).start(), mpx::UsageError);
  EXPECT_THROW(mpx::Process(mpx::ProcessOptions{.host = "no-such-host"}, nothing).start(),
               mpx::UsageError);
}

TEST(Process, KnowsItselfAndItsParent) {
  mpx::Queue<std::string> answers;
  mpx::Queue<long> pids;
  mpx::Process process(
      mpx::ProcessOptions{.name = "worker bee"},
      [](mpx::Queue<std::string> out, mpx::Queue<long> ids) {
        out.put(mpx::current_process().name);
        const auto parent = mpx::parent_process().value();
        out.put(parent.name);
        out.put(parent.host);
        ids.put(parent.pid);
        ids.put(parent.rank.number());
        ids.put(::getpid());
        ids.put(mpx::current_process().rank.number());
        ids.put(static_cast<long>(mpx::cpu_count()));
      },
      answers, pids);
  process.start();
  EXPECT_EQ(answers.get(), "worker bee");
  EXPECT_EQ(answers.get(), "MainProcess");
  EXPECT_EQ(answers.get(), mpx::current_process().host);
  EXPECT_EQ(pids.get(), ::getpid());
  EXPECT_EQ(pids.get(), 0);
  EXPECT_EQ(pids.get(), process.pid());
  EXPECT_EQ(pids.get(), process.rank().number());
  EXPECT_EQ(pids.get(), static_cast<long>(mpx::cpu_count()));
  process.join();
  EXPECT_EQ(process.name(), "worker bee");
  EXPECT_FALSE(process.host().empty());
  EXPECT_EQ(mpx::current_process().name, "MainProcess");
  EXPECT_FALSE(mpx::parent_process());
}

TEST(Process, ProcessesOfProcessesAndOfPoolsKnowTheirParents) {
  mpx::Pool pool(1);
  EXPECT_EQ(pool.apply([] { return mpx::parent_process()->pid; }), ::getpid());
  EXPECT_EQ(pool.apply([] { return mpx::parent_process()->name; }), "MainProcess");
  const auto same = pool.apply([] {
    mpx::Queue<bool> answer;
    mpx::Process grandchild(
        [](mpx::Queue<bool> out, pid_t pid, std::string host) {
          const auto parent = mpx::parent_process().value();
          out.put(parent.pid == pid && parent.host == host);
        },
        answer, ::getpid(), mpx::current_process().host);
    grandchild.start();
    return answer.get();
  });
  EXPECT_TRUE(same);
}

TEST(Process, CallsMemberFunctionsWithConvertedArguments) {
  mpx::Queue<int> queue;
  mpx::Process process(&Counter::count, Counter{5}, queue, 3);
  process.start();
  EXPECT_EQ(queue.get(), 5);
  EXPECT_EQ(queue.get(), 6);
  EXPECT_EQ(queue.get(), 7);
  process.join();

  mpx::Queue<std::size_t> sizes;
  mpx::Process text(
      [](std::string_view view, const mpx::Queue<std::size_t>& out) { out.put(view.size()); },
      "twelve chars", sizes);
  text.start();
  EXPECT_EQ(sizes.get(), 12U);
  text.join();
}

TEST(Process, ActiveChildrenAreThoseAlive) {
  mpx::Process process(mpx::ProcessOptions{.name = "listed"}, wait_for_ever);
  process.start();
  auto children = mpx::active_children();
  ASSERT_EQ(children.size(), 1U);
  EXPECT_EQ(children[0].name(), "listed");
  EXPECT_EQ(children[0].pid(), process.pid());
  children[0].kill();
  process.join();
  EXPECT_TRUE(mpx::active_children().empty());
}

TEST(Process, ProcessesStartProcesses) {
  mpx::Queue<int> queue;
  mpx::Process process(
      [](mpx::Queue<int> out) {
        mpx::Process inner([](mpx::Queue<int> deep) { deep.put(42); }, out);
        inner.start();
        inner.join();
        out.put(inner.exit_code().value());
      },
      queue);
  process.start();
  EXPECT_EQ(queue.get(), 42);
  EXPECT_EQ(queue.get(), 0);
  process.join();
}

TEST(Process, AParentJoinsItsChildrenAtItsEndAndADaemonMayHaveNone) {
  mpx::Queue<int> queue;
  mpx::Process parent(
      [](mpx::Queue<int> out) {
        mpx::Process child(
            [](mpx::Queue<int> late) {
              std::this_thread::sleep_for(100ms);
              late.put(1);
            },
            out);
        child.start();
      },
      queue);
  parent.start();
  parent.join();
  EXPECT_EQ(queue.try_get(), 1);

  mpx::Process daemon(
      mpx::ProcessOptions{.daemon = true},
      [](mpx::Queue<int> out) {
        mpx::Process child(nothing);
        try {
          child.start();
        } catch (const mpx::UsageError&) {
          out.put(2);
        }
      },
      queue);
  daemon.start();
  daemon.join();
  EXPECT_EQ(queue.get(), 2);
}

TEST(Process, ADaemonEndsWithItsParent) {
  mpx::Queue<int> pids;
  mpx::Process parent(
      [](mpx::Queue<int> out) {
        mpx::Process daemon(mpx::ProcessOptions{.daemon = true}, wait_for_ever);
        daemon.start();
        out.put(daemon.pid());
      },
      pids);
  parent.start();
  parent.join();
  const auto pid = pids.get();
  for (int i = 0; i < 1000 && ::kill(pid, 0) == 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST(Process, TwoHundredAtOnce) {
  mpx::Queue<int> queue;
  std::vector<mpx::Process> processes;
  for (int i = 0; i < 200; ++i) {
    processes.emplace_back([](mpx::Queue<int> out, int number) { out.put(number); }, queue, i);
    processes.back().start();
  }
  int sum = 0;
  for (int i = 0; i < 200; ++i) sum += queue.get();
  for (const auto& process : processes) process.join();
  EXPECT_EQ(sum, 199 * 200 / 2);
}

/// A working directory for a while, removed afterwards.
class Folder {
 public:
  Folder() {
    std::filesystem::create_directory(path_);
    std::filesystem::current_path(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::filesystem::current_path(before_);
    std::filesystem::remove(path_);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  const std::filesystem::path before_ = std::filesystem::current_path();
  // Nodes have temporary folders of their own, and this one in common.
  const std::string path_ = before_ / ("mpx-test-" + std::to_string(::getpid()));
};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "none" : value;
}

std::string surroundings() {
  return std::filesystem::current_path().string() + ' ' + variable("MPX_TEST_A") + ' ' +
         variable("MPX_TEST_B");
}

TEST(Process, StartsInTheDirectoryAndEnvironmentOfItsStarter) {
  const Folder folder;
  const mpx::Pool early(1);
  EXPECT_EQ(early.apply(surroundings), folder.path() + " none none");
  ::setenv("MPX_TEST_A", "1", 1);
  mpx::Queue<std::string> queue;
  mpx::Process process(
      [](mpx::Queue<std::string> out) {
        out.put(surroundings());
        ::unsetenv("MPX_TEST_A");
        ::setenv("MPX_TEST_B", "2", 1);
        mpx::Process inner([](mpx::Queue<std::string> deep) { deep.put(surroundings()); }, out);
        inner.start();
        inner.join();
        out.put(mpx::Pool(1).apply(surroundings));
      },
      queue);
  process.start();
  EXPECT_EQ(queue.get(), folder.path() + " 1 none");
  EXPECT_EQ(queue.get(), folder.path() + " none 2");
  EXPECT_EQ(queue.get(), folder.path() + " none 2");
  process.join();
  EXPECT_EQ(early.apply(surroundings), folder.path() + " none none") << "it had started before";
  ::unsetenv("MPX_TEST_A");
  EXPECT_EQ(mpx::Pool(1).apply(surroundings), folder.path() + " none none");
}

TEST(Process, ADirectoryThatIsNotThereIsAnErrorOfStart) {
  mpx::Queue<std::string> queue;
  mpx::Event gone;
  std::string path;
  mpx::Process process;
  {
    const Folder folder;
    path = folder.path();
    process = mpx::Process(
        [](mpx::Queue<std::string> out, mpx::Event removed) {
          out.put("begun");
          removed.wait();
          try {
            mpx::Process(nothing).start();
          } catch (const mpx::LaunchError& error) {
            out.put(error.what());
          }
          try {
            mpx::Pool(1).apply(nothing);
          } catch (const mpx::LaunchError& error) {
            out.put(error.what());
          }
        },
        queue, gone);
    process.start();
    EXPECT_EQ(queue.get(), "begun");
  }
  gone.set();
  for (int i = 0; i < 2; ++i) {
    const auto text = queue.get();
    EXPECT_NE(text.find("'" + path + "'"), std::string::npos) << text;
    EXPECT_NE(text.find(", host "), std::string::npos) << text;
    EXPECT_NE(text.find("No such file"), std::string::npos) << text;
  }
  process.join();
}

TEST(Process, SeesTheGlobalsAsTheyWereAtRun) {
  static int global = 1;
  global = 2;
  mpx::Queue<int> queue;
  mpx::Process process([](mpx::Queue<int> out) { out.put(global); }, queue);
  process.start();
  EXPECT_EQ(queue.get(), 1);
  process.join();
}

}  // namespace
