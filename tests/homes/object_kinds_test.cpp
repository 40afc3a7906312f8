#include "homes/object_kinds.hpp"

#include <gtest/gtest.h>

#include "support/homes.hpp"
#include "transport/memory_words.hpp"
#include "wire/pool.hpp"

namespace mpx::detail {
namespace {

struct ObjectKindsTest : testing::Test {
  static constexpr ObjectKind kAll[] = {
      ObjectKind::pipe_end, ObjectKind::queue, ObjectKind::lock,      ObjectKind::cell,
      ObjectKind::process,  ObjectKind::pool,  ObjectKind::semaphore, ObjectKind::event,
      ObjectKind::barrier,  ObjectKind::array};

  const ProcessId maker = process(1);
  const ObjectId inner{0, 9, maker};
  MemoryWords words{std::make_shared<MemoryWordSpace>(1, 2), 0, {true}};
  Directory directory{{{"alpha", 1, 0}}};
  Collected out;

  std::unique_ptr<Home> make(Payload arguments, bool rank_0 = true) {
    auto header = request(Kind::create, maker, 1);
    header.object = {0, 1, maker};
    return make_home(header, arguments, {0, words, rank_0 ? &directory : nullptr}, out);
  }
  static Payload arguments_of(ObjectKind kind) {
    const std::uint64_t number = 8;
    const std::uint8_t no = 0;
    switch (kind) {
      case ObjectKind::pipe_end:
        return {Packer::pack(kind, ObjectId{0, 2, process(1)}), {}};
      case ObjectKind::queue:
        return {Packer::pack(kind, number, number), {}};
      case ObjectKind::pool:
        return {Packer::pack(kind, PoolSettings{1, 0, 1, "", {}, {}}), {}};
      case ObjectKind::semaphore:
        return {Packer::pack(kind, number, number, no), {}};
      case ObjectKind::barrier:
        return {Packer::pack(kind, number, no), {}};
      case ObjectKind::cell:
      case ObjectKind::array:
        return {Packer::pack(kind, number), {}};
      default:
        return {Packer::pack(kind), {}};
    }
  }
  /// The text with which `maker` was refused.
  std::string refusal() {
    const auto reply = out.pop(Kind::reply, maker);
    if (!reply || reply->header.status != static_cast<std::uint16_t>(Status::usage)) return "none";
    return Unpacker(reply->body).get<std::string>();
  }
};

TEST_F(ObjectKindsTest, EachIsMadeAnsweredAndNamed) {
  for (const auto kind : kAll) {
    const auto home = make(arguments_of(kind));
    ASSERT_TRUE(home) << kind_name(kind);
    EXPECT_EQ(out.answer(maker, 1), Status::ok);
    EXPECT_EQ(home->name(), kind_name(kind));
    home->on(request(Kind::spawned, maker, 2), text_payload("x", {inner}), out);
    EXPECT_EQ(out.count(Kind::drop_flight), 1u) << home->name();
    const auto text = refusal();
    EXPECT_EQ(text.rfind("not an operation of ", 0), 0u) << home->name() << ": " << text;
    home->on_freed(out);
    out.take();
  }
  EXPECT_EQ(words.used(), 0u);
}

TEST_F(ObjectKindsTest, AHomeSaysOfWhatARequestIsNoOperation) {
  const auto queue = make(arguments_of(ObjectKind::queue));
  out.take();
  queue->on(request(Kind::acquire, maker, 2), {}, out);
  EXPECT_EQ(refusal(), "not an operation of a Queue");
  const auto event = make(arguments_of(ObjectKind::event));
  out.take();
  event->on(request(Kind::queue_get, maker, 2), {}, out);
  EXPECT_EQ(refusal(), "not an operation of an Event");
}

TEST_F(ObjectKindsTest, ProcessesAndPoolsLiveOnRank0Only) {
  for (const auto kind : kAll) {
    const bool only = kind == ObjectKind::process || kind == ObjectKind::pool;
    const auto home = make(arguments_of(kind), false);
    EXPECT_EQ(home == nullptr, only) << kind_name(kind);
    if (only) {
      EXPECT_EQ(refusal(), "a " + std::string(kind_name(kind)) + " lives on rank 0 only");
    }
    if (home) home->on_freed(out);
    out.take();
  }
}

TEST_F(ObjectKindsTest, WhatCannotBeMadeIsAnsweredAndGivesItsHandlesAndWordsBack) {
  EXPECT_FALSE(make({Packer::pack(std::uint8_t{99}), references({inner})}));
  EXPECT_EQ(out.count(Kind::drop_flight), 1u);
  EXPECT_EQ(refusal(), "there is no kind of object 99");
  EXPECT_FALSE(make({Packer::pack(ObjectKind::queue), {}})) << "without its arguments";
  EXPECT_EQ(out.answer(maker, 1), Status::usage);
  EXPECT_FALSE(make({Packer::pack(ObjectKind::array, std::uint64_t{1}, std::uint16_t{7}), {}}))
      << "with values for more elements than it has";
  EXPECT_EQ(refusal(), "an Array of 1 bytes cannot begin with 2");
  EXPECT_FALSE(make({Packer::pack(ObjectKind::barrier, std::uint64_t{0}, std::uint8_t{0}), {}}));
  EXPECT_EQ(refusal(), "a Barrier for 0 parties: at least 1");
  const std::uint64_t many = std::uint64_t{1} << 61;
  EXPECT_FALSE(make({Packer::pack(ObjectKind::semaphore, many, many, std::uint8_t{0}), {}}));
  EXPECT_EQ(out.answer(maker, 1), Status::usage);
  const auto first = make(arguments_of(ObjectKind::lock));
  EXPECT_FALSE(make(arguments_of(ObjectKind::cell))) << "one word for two";
  EXPECT_EQ(words.used(), 1u);
}

}  // namespace
}  // namespace mpx::detail
