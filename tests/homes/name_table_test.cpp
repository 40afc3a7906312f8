#include "homes/name_table.hpp"

#include <gtest/gtest.h>

#include "support/homes.hpp"

namespace mpx::detail {
namespace {

struct NameTableTest : testing::Test {
  NameTable table;
  Collected out;
  const ProcessId a = process(1), b = process(2), c = process(3);
  const ObjectId object{2, 7, a};

  void find(ProcessId who, std::uint64_t call, const std::string& type = "Queue",
            const std::string& name = "tiles") {
    table.on(request(Kind::name_find, who, call), {Packer::pack(name, type), {}}, out);
  }
  void bind(ProcessId who, std::uint64_t call, const std::string& name = "tiles") {
    auto body = Packer::pack(name);
    const auto handle = text_payload("handle").bytes;
    body.insert(body.end(), handle.begin(), handle.end());
    table.on(request(Kind::name_bind, who, call), {std::move(body), references({object})}, out);
  }
  void give_up(ProcessId who, std::uint64_t call) {
    table.on(request(Kind::name_give_up, who, call), {Packer::pack(std::string("tiles")), {}}, out);
  }
  /// Whether `who` was answered with the handle, and one reference counted for it before.
  bool has_handle(ProcessId who) {
    const auto hold = out.pop(Kind::add_ref);
    auto reply = out.pop(Kind::reply, who);
    if (!hold || hold->header.object != object || !reply) return false;
    if (reply->header.status != static_cast<std::uint16_t>(Status::ok)) return false;
    const auto payload = take_payload(std::move(*reply));
    return text_of(payload.bytes) == "handle" &&
           payload.handles == std::vector<Reference>{{object, ProcessId::homes_of(0)}};
  }
};

TEST_F(NameTableTest, TheFirstMakesItAndAllOthersGetIt) {
  find(a, 1);
  EXPECT_EQ(out.answer(a, 1), Status::no);
  find(b, 2);
  find(a, 3);  // another thread of the maker
  EXPECT_TRUE(out.frames.empty()) << "they wait for it to be made";
  bind(a, 4);
  EXPECT_TRUE(has_handle(b));
  EXPECT_TRUE(has_handle(a));
  EXPECT_EQ(out.answer(a, 4), Status::ok);
  find(c, 5);
  EXPECT_TRUE(has_handle(c));
  EXPECT_TRUE(out.frames.empty());
}

TEST_F(NameTableTest, NamesDoNotMix) {
  find(a, 1, "Queue", "tiles");
  find(b, 2, "Queue", "tile");
  EXPECT_EQ(out.answer(a, 1), Status::no);
  EXPECT_EQ(out.answer(b, 2), Status::no);
  EXPECT_EQ(table.size(), 2u);
}

TEST_F(NameTableTest, AnotherTypeIsRefusedNamingBoth) {
  find(a, 1, "Queue");
  out.take();
  find(b, 2, "Lock");
  bind(a, 3);
  find(c, 4, "Value");
  for (const auto& [who, type] : {std::pair{b, "Lock"}, std::pair{c, "Value"}}) {
    const auto reply = out.pop(Kind::reply, who);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->header.status, static_cast<std::uint16_t>(Status::usage));
    const auto text = Unpacker(reply->body).get<std::string>();
    EXPECT_EQ(text, std::string("named(\"tiles\") is a Queue, and is asked for as a ") + type);
  }
  EXPECT_EQ(out.count(Kind::add_ref), 0u);
}

TEST_F(NameTableTest, WhenItsMakerFailsTheNextMakesItAndDecidesTheType) {
  find(a, 1, "Queue");
  find(b, 2, "Lock");
  find(c, 3, "Lock");
  out.take();
  give_up(a, 4);
  EXPECT_EQ(out.answer(a, 4), Status::ok);
  EXPECT_EQ(out.answer(b, 2), Status::no);
  EXPECT_TRUE(out.frames.empty());
  bind(b, 5);
  EXPECT_TRUE(has_handle(c));
}

TEST_F(NameTableTest, WhenItsMakerDiesTheNextMakesIt) {
  find(a, 1);
  find(b, 2);
  find(c, 3);
  out.take();
  table.on_ended(b, facts_of(b, -9), out);
  EXPECT_TRUE(out.frames.empty());
  table.on_ended(a, facts_of(a, -9), out);
  EXPECT_EQ(out.answer(c, 3), Status::no) << "the dead do not wait";
  EXPECT_TRUE(out.frames.empty());
}

TEST_F(NameTableTest, ANameThatNobodyCouldMakeIsFreeAgain) {
  find(a, 1);
  give_up(a, 2);
  find(b, 3);
  table.on_ended(b, facts_of(b, -9), out);
  EXPECT_EQ(table.size(), 0u);
}

TEST_F(NameTableTest, TheMakersDeathAfterwardsChangesNothing) {
  find(a, 1);
  bind(a, 2);
  out.take();
  table.on_ended(a, facts_of(a, -9), out);
  find(b, 3);
  EXPECT_TRUE(has_handle(b));
}

TEST_F(NameTableTest, ARequestThatItDoesNotKnowIsRefused) {
  table.on(request(Kind::queue_put, a, 1), text_payload("x", {object}), out);
  EXPECT_EQ(out.answer(a, 1), Status::usage);
  EXPECT_EQ(out.count(Kind::drop_flight), 1u);
}

TEST_F(NameTableTest, WhoIsNotTheMakerBindsNothing) {
  find(a, 1);
  out.take();
  bind(b, 2);
  EXPECT_EQ(out.count(Kind::drop_flight), 1u) << "the reference that came with it is given back";
  EXPECT_EQ(out.answer(b, 2), Status::ok);
  bind(a, 3);
  bind(a, 4);
  EXPECT_EQ(out.count(Kind::drop_flight), 2u) << "nor is a name bound twice";
}

}  // namespace
}  // namespace mpx::detail
