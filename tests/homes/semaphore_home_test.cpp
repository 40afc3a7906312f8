#include "homes/semaphore_home.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/log.hpp"
#include "homes/event_home.hpp"
#include "support/homes.hpp"
#include "transport/memory_words.hpp"

namespace mpx::detail {
namespace {

/// What is the same for all homes of a word.
template <class HomeT>
struct OnAWord : testing::Test {
  MemoryWords words{std::make_shared<MemoryWordSpace>(1, 8), 0};
  WordRef word = *words.allocate(0);
  Collected out;
  const ProcessId a = process(1), b = process(2), c = process(3);

  void acquire(HomeT& home, ProcessId who, std::uint64_t call) {
    home.on(request(Kind::acquire, who, call), {}, out);
  }
  void release(HomeT& home, ProcessId who, std::uint64_t call, std::uint64_t n = 1) {
    home.on(request(Kind::release, who, call), {Packer::pack(n), {}}, out);
  }
  std::uint64_t now() { return words.load(word); }
};

struct SemaphoreHomeTest : OnAWord<SemaphoreHome> {
  SemaphoreHome make(std::uint64_t permits, std::uint64_t most = SemaphoreWord::kMost,
                     bool owned = false) {
    words.exchange(word, permits);
    return {words, word, ObjectId{0, 1, a}, {most, std::uint8_t{owned}}};
  }
  static void note(SemaphoreHome& home, ProcessId who, std::int64_t n, Outbox& out) {
    home.on(request(Kind::permits, who), {Packer::pack(n), {}}, out);
  }
};

TEST_F(SemaphoreHomeTest, AReleaseOfSeveralServesSeveralInOrder) {
  auto home = make(0);
  acquire(home, a, 1);
  acquire(home, b, 2);
  acquire(home, c, 3);
  EXPECT_EQ(now(), kContended);
  release(home, a, 4, 2);
  EXPECT_EQ(out.answer(a, 1), Status::ok);
  EXPECT_EQ(out.answer(b, 2), Status::ok);
  EXPECT_EQ(out.answer(c, 3), std::nullopt);
  EXPECT_EQ(now(), kContended);
  release(home, a, 5, 3);
  EXPECT_EQ(out.answer(c, 3), Status::ok);
  EXPECT_EQ(now(), 2U) << "nobody waits: the mark is gone, and the rest is free";
}

TEST_F(SemaphoreHomeTest, ABoundIsABound) {
  auto home = make(2, 2);
  release(home, a, 1);
  EXPECT_EQ(out.answer(a, 1), Status::usage);
  EXPECT_EQ(now(), 2U);
  acquire(home, a, 2);
  release(home, a, 3, 2);
  EXPECT_EQ(out.answer(a, 3), Status::usage);
  release(home, a, 4);
  EXPECT_EQ(out.answer(a, 4), Status::ok);
}

TEST_F(SemaphoreHomeTest, NeverHasMoreThanAWordHolds) {
  auto home = make(SemaphoreWord::kMost);
  release(home, a, 1);
  EXPECT_EQ(out.answer(a, 1), Status::usage);
  release(home, a, 2, ~std::uint64_t{0});
  EXPECT_EQ(out.answer(a, 2), Status::usage);
}

TEST_F(SemaphoreHomeTest, ACancelledWaiterLeavesNoMark) {
  auto home = make(1);
  acquire(home, a, 1);
  acquire(home, b, 2);
  home.on_cancel(b, 2, out);
  EXPECT_EQ(out.answer(a, 1), Status::ok);
  EXPECT_EQ(out.answer(b, 2), Status::no);
  EXPECT_EQ(now(), 0U);
}

TEST_F(SemaphoreHomeTest, PermitsOfTheDeadAreToldAndLost) {
  auto home = make(0);
  note(home, a, 2, out);
  testing::internal::CaptureStderr();
  home.on_ended(a, facts_of(a, -9), out);
  const auto log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, testing::HasSubstr("held 2 permits of semaphore"));
  EXPECT_THAT(log, testing::HasSubstr("they are lost"));
  EXPECT_EQ(now(), 0U);
}

TEST_F(SemaphoreHomeTest, OwnedPermitsOfTheDeadGoToThoseWhoWait) {
  auto home = make(0, SemaphoreWord::kMost, true);
  acquire(home, b, 1);
  acquire(home, c, 2);
  note(home, a, 3, out);
  testing::internal::CaptureStderr();
  home.on_ended(a, facts_of(a, -9), out);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("given back"));
  EXPECT_EQ(out.answer(b, 1), Status::ok);
  EXPECT_EQ(out.answer(c, 2), Status::ok);
  EXPECT_EQ(now(), 1U);
}

TEST_F(SemaphoreHomeTest, PermitsByEitherWayAreOneAccount) {
  auto home = make(0, 4, true);
  acquire(home, a, 1);
  acquire(home, a, 2);
  release(home, b, 3, 2);  // a holds 2 by way of the home
  note(home, a, -2, out);  // … and has released 2 by way of the word
  words.exchange(word, 2);
  home.on_ended(a, facts_of(a, -9), out);
  EXPECT_EQ(now(), 2U) << "it held nothing";
}

TEST_F(SemaphoreHomeTest, WhatComesBackNeverExceedsTheBound) {
  auto home = make(1, 1, true);
  note(home, a, 1, out);  // another process has released it for it
  testing::internal::CaptureStderr();
  home.on_ended(a, facts_of(a, -9), out);
  testing::internal::GetCapturedStderr();
  EXPECT_EQ(now(), 1U);
}

struct EventHomeTest : OnAWord<EventHome> {
  EventHome home{words, word};
};

TEST_F(EventHomeTest, SetAnswersAllWhoWait) {
  acquire(home, a, 1);
  acquire(home, b, 2);
  EXPECT_EQ(now(), kContended);
  release(home, c, 3);
  EXPECT_EQ(out.answer(a, 1), Status::ok);
  EXPECT_EQ(out.answer(b, 2), Status::ok);
  EXPECT_EQ(out.answer(c, 3), Status::ok);
  EXPECT_EQ(now(), EventWord::kSet);
  acquire(home, a, 4);
  EXPECT_EQ(out.answer(a, 4), Status::ok);
}

TEST_F(EventHomeTest, ClearedItMakesWaitAgain) {
  words.exchange(word, EventWord::kSet);
  acquire(home, a, 1);
  EXPECT_EQ(out.answer(a, 1), Status::ok);
  words.exchange(word, 0);
  acquire(home, a, 3);
  EXPECT_EQ(out.answer(a, 3), std::nullopt);
  home.on_cancel(a, 3, out);
  EXPECT_EQ(out.answer(a, 3), Status::no);
  EXPECT_EQ(now(), 0U);
}

}  // namespace
}  // namespace mpx::detail
