#include "homes/lock_home.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "support/homes.hpp"
#include "transport/memory_words.hpp"

namespace mpx::detail {
namespace {

struct LockHomeTest : testing::Test {
  std::shared_ptr<MemoryWordSpace> space = std::make_shared<MemoryWordSpace>(1, 8);
  MemoryWords words{space, 0};
  WordRef word = *words.allocate(0);
  LockHome lock{words, word};
  Collected out;
  const ProcessId a = process(1), b = process(2), c = process(3);

  void acquire(ProcessId who, std::uint64_t call) {
    lock.on(request(Kind::acquire, who, call), {}, out);
  }
  void release(ProcessId who, std::uint64_t call) {
    lock.on(request(Kind::release, who, call), {Packer::pack(std::uint64_t{1}), {}}, out);
  }
  void die(ProcessId who) { lock.on_ended(who, facts_of(who, -9), out); }
  /// The uncontended path of a process that reaches the word: true if it worked.
  bool fast_lock(ProcessId who) {
    return words.compare_exchange(word, 0, LockWord::owned_by(who)) == 0;
  }
  bool fast_unlock(ProcessId who) {
    const auto held = LockWord::owned_by(who);
    return words.compare_exchange(word, held, 0) == held;
  }
  std::uint64_t now() { return words.load(word); }
};

TEST_F(LockHomeTest, AFreeLockIsGrantedAtOnce) {
  acquire(a, 1);
  EXPECT_EQ(out.answer(a, 1), Status::ok);
  EXPECT_EQ(now(), LockWord::owned_by(a));
  release(a, 2);
  EXPECT_EQ(out.answer(a, 2), Status::ok);
  EXPECT_EQ(now(), 0u);
}

TEST_F(LockHomeTest, WaitersAreGrantedInTheOrderOfAsking) {
  ASSERT_TRUE(fast_lock(a));
  acquire(b, 1);
  acquire(c, 2);
  acquire(a, 3);  // another thread of the holder's process waits like anybody
  EXPECT_TRUE(out.frames.empty());
  EXPECT_FALSE(fast_unlock(a)) << "the contended mark sends the holder to the home";
  release(a, 4);
  EXPECT_EQ(out.answer(a, 4), Status::ok);
  EXPECT_EQ(out.answer(b, 1), Status::ok);
  EXPECT_EQ(now(), LockWord::owned_by(b) | LockWord::kContended);
  release(b, 5);
  EXPECT_EQ(out.answer(c, 2), Status::ok);
  EXPECT_EQ(out.answer(a, 3), std::nullopt);
  release(c, 6);
  EXPECT_EQ(out.answer(a, 3), Status::ok);
  EXPECT_EQ(now(), LockWord::owned_by(a)) << "nobody waits any more: no mark";
  EXPECT_TRUE(fast_unlock(a));
}

TEST_F(LockHomeTest, ACancelledWaiterLeavesNoMark) {
  acquire(a, 1);
  EXPECT_EQ(out.answer(a, 1), Status::ok);
  acquire(b, 2);
  lock.on_cancel(b, 2, out);
  EXPECT_EQ(out.answer(b, 2), Status::no);
  EXPECT_EQ(now(), LockWord::owned_by(a));
}

TEST_F(LockHomeTest, UnlockOfAFreeLockIsAUsageError) {
  release(a, 1);
  EXPECT_EQ(out.answer(a, 1), Status::usage);
}

TEST_F(LockHomeTest, AnyProcessMayUnlock) {
  ASSERT_TRUE(fast_lock(a));
  release(b, 1);
  EXPECT_EQ(out.answer(b, 1), Status::ok);
  EXPECT_EQ(now(), 0u);
}

TEST_F(LockHomeTest, ACancelledWaiterIsAnsweredAndSkipped) {
  ASSERT_TRUE(fast_lock(a));
  acquire(b, 1);
  acquire(c, 2);
  lock.on_cancel(b, 1, out);
  EXPECT_EQ(out.answer(b, 1), Status::no);
  release(a, 3);
  EXPECT_EQ(out.answer(c, 2), Status::ok);
  EXPECT_EQ(now(), LockWord::owned_by(c));
}

TEST_F(LockHomeTest, TheLastCancelTakesTheMarkAway) {
  ASSERT_TRUE(fast_lock(a));
  acquire(b, 1);
  lock.on_cancel(b, 1, out);
  EXPECT_EQ(now(), LockWord::owned_by(a));
  EXPECT_TRUE(fast_unlock(a));
}

TEST_F(LockHomeTest, ACancelAfterTheGrantIsNotAnsweredTwice) {
  acquire(a, 1);
  ASSERT_EQ(out.answer(a, 1), Status::ok);
  lock.on_cancel(a, 1, out);
  EXPECT_TRUE(out.frames.empty());
  EXPECT_EQ(now(), LockWord::owned_by(a))
      << "it was granted; the caller learns so and gives it back";
}

TEST_F(LockHomeTest, PassesTheLockOnAsAbandonedWhenItsHolderDies) {
  ASSERT_TRUE(fast_lock(a));
  acquire(b, 1);
  acquire(c, 2);
  die(a);
  EXPECT_EQ(out.answer(b, 1), Status::ok);
  EXPECT_EQ(now(), LockWord::owned_by(b) | LockWord::kAbandoned | LockWord::kContended);
  release(b, 3);
  EXPECT_EQ(out.answer(c, 2), Status::ok);
  EXPECT_EQ(now(), LockWord::owned_by(c) | LockWord::kAbandoned)
      << "the mark stays until it is cleared";
}

TEST_F(LockHomeTest, ALockWhoseHolderDiedAloneIsFreeAndAbandoned) {
  ASSERT_TRUE(fast_lock(a));
  die(a);
  EXPECT_EQ(now(), LockWord::kAbandoned);
  EXPECT_FALSE(fast_lock(b)) << "the mark sends the next to the home";
  acquire(b, 1);
  EXPECT_EQ(out.answer(b, 1), Status::ok);
  EXPECT_EQ(now(), LockWord::owned_by(b) | LockWord::kAbandoned);
  release(b, 2);
  EXPECT_EQ(now(), LockWord::kAbandoned);
  release(b, 3);
  EXPECT_EQ(out.answer(b, 3), Status::usage) << "it is free";
}

TEST_F(LockHomeTest, AWaiterThatDiesIsSkipped) {
  ASSERT_TRUE(fast_lock(a));
  acquire(b, 1);
  die(b);
  EXPECT_EQ(now(), LockWord::owned_by(a));
  acquire(b, 2);
  acquire(c, 3);
  die(b);
  release(a, 4);
  EXPECT_EQ(out.answer(c, 3), Status::ok);
  EXPECT_EQ(out.answer(b, 1), std::nullopt);
  EXPECT_EQ(out.answer(b, 2), std::nullopt);
}

TEST_F(LockHomeTest, ALockHandedOnIsNotFreedByTheDeathOfItsFormerHolder) {
  ASSERT_TRUE(fast_lock(a));
  acquire(b, 1);
  release(a, 2);
  ASSERT_EQ(out.answer(b, 1), Status::ok);
  die(a);
  EXPECT_EQ(now(), LockWord::owned_by(b));
}

/// One word, on which somebody else acts just before the home's compare-and-swap.
class RacingWord : public Words {
 public:
  explicit RacingWord(std::uint64_t initial) : Words(0, 1), word(initial) {}
  [[nodiscard]] bool reaches(int /*rank*/) const override { return true; }

  std::uint64_t word;
  std::function<void()> before;

 private:
  std::uint64_t work(const WordRequest& request) override {
    if (request.operation == WordRequest::Operation::compare_exchange) {
      if (const auto act = std::exchange(before, {})) act();
    }
    return detail::perform(request, word);
  }
};

struct LockHomeRaces : testing::Test {
  Collected out;
  const ProcessId a = process(1), b = process(2);
  const std::uint64_t of_a = LockWord::owned_by(a), of_b = LockWord::owned_by(b);

  void acquire(LockHome& lock, ProcessId who, std::uint64_t call) {
    lock.on(request(Kind::acquire, who, call), {}, out);
  }
};

TEST_F(LockHomeRaces, AReleaseIsNotLostWhenTheAbandonedMarkIsClearedMeanwhile) {
  RacingWord words(of_a | LockWord::kAbandoned);
  LockHome lock(words, {0, 0});
  acquire(lock, b, 1);
  words.before = [&] { words.word &= ~LockWord::kAbandoned; };
  lock.on(request(Kind::release, a, 2), {Packer::pack(std::uint64_t{1}), {}}, out);
  EXPECT_EQ(out.answer(b, 1), Status::ok);
  EXPECT_EQ(words.word, of_b);
}

TEST_F(LockHomeRaces, ADeathIsNotLostWhenTheAbandonedMarkIsClearedMeanwhile) {
  RacingWord words(of_a | LockWord::kAbandoned);
  LockHome lock(words, {0, 0});
  acquire(lock, b, 1);
  words.before = [&] { words.word &= ~LockWord::kAbandoned; };
  lock.on_ended(a, facts_of(a, -9), out);
  EXPECT_EQ(out.answer(b, 1), Status::ok);
  EXPECT_EQ(words.word, of_b | LockWord::kAbandoned);
}

TEST_F(LockHomeRaces, AReleaseThatComesSecondFreesNobodyElsesLock) {
  RacingWord words(of_a);
  LockHome lock(words, {0, 0});
  words.before = [&] { words.word = of_b; };  // freed and taken by another
  lock.on(request(Kind::release, a, 2), {Packer::pack(std::uint64_t{1}), {}}, out);
  EXPECT_EQ(words.word, of_b);
}

TEST_F(LockHomeRaces, ALockThatIsTakenMeanwhileIsWaitedFor) {
  RacingWord words(0);
  LockHome lock(words, {0, 0});
  words.before = [&] { words.word = of_a; };
  acquire(lock, b, 1);
  EXPECT_TRUE(out.frames.empty());
  EXPECT_EQ(words.word, of_a | LockWord::kContended);
}

TEST_F(LockHomeRaces, ALockThatIsFreedMeanwhileIsTaken) {
  RacingWord words(of_a);
  LockHome lock(words, {0, 0});
  words.before = [&] { words.word = 0; };
  acquire(lock, b, 1);
  EXPECT_EQ(out.answer(b, 1), Status::ok);
  EXPECT_EQ(words.word, of_b);
}

TEST_F(LockHomeTest, GivesItsWordBackAndAnswersWaitersWhenItIsFreed) {
  ASSERT_TRUE(fast_lock(a));
  acquire(b, 1);
  lock.on_freed(out);
  EXPECT_EQ(out.answer(b, 1), Status::no_object);
  EXPECT_EQ(words.used(), 0u);
}

TEST_F(LockHomeTest, RefusesOperationsOfOtherObjects) {
  lock.on(request(Kind::queue_put, a, 1), text_payload("x", {ObjectId{0, 1, a}}), out);
  EXPECT_EQ(out.count(Kind::drop_flight), 1u);
  EXPECT_EQ(out.answer(a, 1), Status::usage);
}

/// Processes take the lock by either path, time out and die at random; a model knows who holds it.
TEST_F(LockHomeTest, RandomEventsNeverLoseTheLockOrAWaiter) {
  const auto seed = test_seed();
  SCOPED_TRACE("MPX_TEST_SEED=" + std::to_string(seed));
  Dice dice(seed);
  std::uint64_t next_call = 1, next_process = 10;
  std::vector<ProcessId> alive;
  for (int i = 0; i < 5; ++i) alive.push_back(process(next_process++));
  std::optional<ProcessId> holder;
  std::map<std::uint64_t, ProcessId> waiting;  // by call
  std::map<ProcessId, std::uint64_t> call_of;
  int grants = 0;
  const auto answers = [&](std::uint64_t cancelled = 0) {
    for (const auto& frame : out.take()) {
      const auto found = waiting.find(frame.header.call);
      if (found == waiting.end()) continue;  // of an unlock
      ASSERT_EQ(found->second, frame.header.to);
      if (static_cast<Status>(frame.header.status) == Status::ok) {
        ASSERT_FALSE(holder) << "two holders";
        holder = frame.header.to;
        ++grants;
      } else {
        ASSERT_EQ(frame.header.call, cancelled);
      }
      call_of.erase(found->second);
      waiting.erase(found);
    }
  };
  const auto free_lock = [&](ProcessId who) {
    holder.reset();
    const auto held = LockWord::owned_by(who);
    auto was = words.compare_exchange(word, held, 0);
    if (was == (held | LockWord::kAbandoned)) was = words.compare_exchange(word, was, 0);
    if (was != held && was != (held | LockWord::kAbandoned)) release(who, next_call++);
    answers();
  };
  for (int event = 0; event < 20'000; ++event) {
    const auto who = dice.pick(alive);
    const bool waits = call_of.contains(who);
    switch (dice.below(6)) {
      case 0:
      case 1:
        if (waits || holder == who) break;
        if (dice.chance(0.5) && fast_lock(who)) {
          ASSERT_FALSE(holder);
          holder = who;
          break;
        }
        waiting[next_call] = who;
        call_of[who] = next_call;
        acquire(who, next_call++);
        ASSERT_NO_FATAL_FAILURE(answers());
        break;
      case 2:
      case 3:
        if (holder) {
          ASSERT_NO_FATAL_FAILURE(free_lock(*holder));
        }
        break;
      case 4:
        if (waits) {
          const auto call = call_of[who];
          lock.on_cancel(who, call, out);
          ASSERT_NO_FATAL_FAILURE(answers(call));
          ASSERT_FALSE(waiting.contains(call)) << "a cancel was not answered";
        }
        break;
      default:
        if (!dice.chance(0.2)) break;
        if (waits) waiting.erase(call_of[who]), call_of.erase(who);
        if (holder == who) holder.reset();
        std::replace(alive.begin(), alive.end(), who, process(next_process++));
        die(who);
        ASSERT_NO_FATAL_FAILURE(answers());
    }
    ASSERT_TRUE(holder || waiting.empty())
        << "the lock is free and somebody waits, event " << event;
    ASSERT_EQ(LockWord::owner(now()), holder ? LockWord::owned_by(*holder) : 0)
        << "event " << event;
    ASSERT_EQ((now() & LockWord::kContended) != 0, !waiting.empty()) << "event " << event;
  }
  while (holder) ASSERT_NO_FATAL_FAILURE(free_lock(*holder));
  EXPECT_TRUE(waiting.empty());
  EXPECT_GT(grants, 1000);
}

}  // namespace
}  // namespace mpx::detail
