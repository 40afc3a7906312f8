// A process is killed at each instruction of its operations on words: no lock stays with it, and no
// permit is lost or made.

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <functional>
#include <mpx/mpx.hpp>

namespace {

using namespace std::chrono_literals;

/// What a process does between two traps, and before and after them.
enum class Step { lock, unlock, acquire, release, set };

struct Objects {
  mpx::Lock lock;
  mpx::Semaphore semaphore{1}, owned{1, {.owned = true}};
  mpx::Event event, go;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& lock& semaphore& owned& event& go;
  }
};

void work(const Objects& with, Step step, bool owned) {
  const auto& semaphore = owned ? with.owned : with.semaphore;
  // What only the first time does, as to resolve symbols, is not of interest.
  with.lock.lock();
  with.lock.unlock();
  semaphore.acquire();
  semaphore.release();
  with.event.set();
  with.event.clear();
  std::raise(0);
  if (step == Step::unlock) with.lock.lock();
  if (step == Step::release) semaphore.acquire();
  with.go.wait();
  std::raise(SIGTRAP);
  switch (step) {
    case Step::lock:
      with.lock.lock();
      break;
    case Step::unlock:
      with.lock.unlock();
      break;
    case Step::acquire:
      semaphore.acquire();
      break;
    case Step::release:
      semaphore.release();
      break;
    case Step::set:
      with.event.set();
  }
  std::raise(SIGTRAP);
}

/// Waits until the process, which this one traces, stops by a signal; false if it has ended.
bool stops(pid_t pid) {
  int status = 0;
  return ::waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status);
}

/// Runs the step in a process that is killed after so many instructions; false: it was done before,
/// or the process could not be traced.
bool kill_after(long instructions, const Objects& with, Step step, bool owned) {
  with.go.clear();
  mpx::Process process(work, with, step, owned);
  process.start();
  const auto pid = process.pid();
  if (::ptrace(PTRACE_SEIZE, pid, 0, 0) != 0) {
    ADD_FAILURE() << "cannot trace a process: " << std::strerror(errno);
    process.kill();
    return false;
  }
  with.go.set();
  bool there = stops(pid), inside = there;
  for (long i = 0; i < instructions && inside; ++i) {
    ::ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
    siginfo_t info{};
    inside = stops(pid) && ::ptrace(PTRACE_GETSIGINFO, pid, 0, &info) == 0 &&
             info.si_code != SI_TKILL;  // the second trap
  }
  ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
  }
  process.join();
  EXPECT_TRUE(there);
  return inside;
}

/// Kills the process at every `stride`-th instruction, and looks after each.
void kill_at_each(Step step, bool owned, long stride,
                  const std::function<void(const Objects&)>& look) {
  const Objects objects;
  long instructions = 0;
  while (kill_after(instructions, objects, step, owned)) {
    look(objects);
    if (testing::Test::HasFailure()) {
    }
    instructions += stride;
  }
  look(objects);
  EXPECT_GT(instructions, 20) << "a step has more than that";
}

void expect_free(const Objects& objects) {
  ASSERT_TRUE(objects.lock.try_lock_for(30s)) << "it stays with a process that has died";
  objects.lock.unlock();
}

void expect_whole(const Objects& objects) {
  // The news of a death comes to the body and to the semaphore's home in an order of its own.
  ASSERT_TRUE(objects.owned.try_acquire_for(30s)) << "a permit is lost";
  EXPECT_FALSE(objects.owned.try_acquire()) << "a permit has been made";
  objects.owned.release();
}

/// As a permit that nobody owns goes with its holder, it is there or not; what matters is that the
/// semaphore works.
void expect_one_or_none(const Objects& objects) {
  ASSERT_LE(objects.semaphore.value(), 1U) << "a permit has been made";
  if (objects.semaphore.value() == 0) objects.semaphore.release();
  ASSERT_TRUE(objects.semaphore.try_acquire());
  objects.semaphore.release();
}

TEST(WordDeath, InLockLeavesItFree) { kill_at_each(Step::lock, false, 1, expect_free); }

TEST(WordDeath, InUnlockLeavesItFree) { kill_at_each(Step::unlock, false, 1, expect_free); }

TEST(WordDeath, InAcquireMakesNoPermit) {
  kill_at_each(Step::acquire, false, 3, expect_one_or_none);
}

TEST(WordDeath, InReleaseMakesNoPermit) {
  kill_at_each(Step::release, false, 3, expect_one_or_none);
}

TEST(WordDeath, InAcquireOfAnOwnedPermitGivesItBack) {
  kill_at_each(Step::acquire, true, 197, expect_whole);
}

TEST(WordDeath, InReleaseOfAnOwnedPermitGivesItBackOnce) {
  kill_at_each(Step::release, true, 197, expect_whole);
}

TEST(WordDeath, InSetOfAnEventLeavesItSetOrNot) {
  kill_at_each(Step::set, false, 3, [](const Objects& objects) {
    if (objects.event.is_set()) objects.event.clear();
    EXPECT_FALSE(objects.event.is_set());
    objects.event.set();
    EXPECT_TRUE(objects.event.wait_for(30s));
    objects.event.clear();
  });
}

}  // namespace
