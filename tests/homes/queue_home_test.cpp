#include "homes/queue_home_support.hpp"

namespace mpx::detail {
namespace {

TEST_F(QueueHomeTest, ItemsComeOutInOrder) {
  for (const char* text : {"1", "2", "3"}) put(text);
  EXPECT_EQ(got({a, b, a}), "123");
  EXPECT_EQ(get_now(a), "");
}

TEST_F(QueueHomeTest, GettersWaitInOrder) {
  get(a, 1);
  get(b, 2);
  EXPECT_TRUE(out.frames.empty());
  put("1");
  deliver();
  EXPECT_EQ(takers[a].take(), "1");
  put("2");
  deliver();
  EXPECT_EQ(takers[b].take(), "2");
}

TEST_F(QueueHomeTest, ATryIsAnsweredAtOnceAlsoBehindAWaitingGetter) {
  try_get(a, 1);
  EXPECT_EQ(out.answer(a, 1), Status::no);
  get(a, 2);
  try_get(b, 3);
  EXPECT_EQ(out.answer(b, 3), Status::no);
  put("1");
  deliver();
  EXPECT_EQ(takers[a].take(), "1");
}

TEST_F(QueueHomeTest, AFullQueueMakesPuttersWaitInOrder) {
  bounded(2);
  put("1", 1);
  put("2", 2);
  put("3", 3);
  put("4", 4);
  EXPECT_EQ(out.answer(producer, 2), Status::ok);
  EXPECT_EQ(out.answer(producer, 3), std::nullopt);
  EXPECT_EQ(get_now(a), "1");
  EXPECT_EQ(get_now(a), "2");
  EXPECT_EQ(out.answer(producer, 3), Status::ok);
  EXPECT_EQ(got({a, a}), "34");
  EXPECT_EQ(out.answer(producer, 4), Status::ok);
}

TEST_F(QueueHomeTest, ATryToPutIsAnsweredAtOnceAlsoBehindAWaitingPutter) {
  bounded(1);
  try_put("1", 1);
  EXPECT_EQ(out.answer(producer, 1), Status::ok);
  put("2", 2);
  try_put("3", 3);
  EXPECT_EQ(out.answer(producer, 3), Status::no);
  EXPECT_EQ(out.answer(producer, 2), std::nullopt);
}

TEST_F(QueueHomeTest, TheAnswerToAGetCountsNoMore) {
  bounded(1);
  put("1", 1);
  get(a, 2);
  EXPECT_EQ(out.count(Kind::queue_items), 1u);
  EXPECT_EQ(out.answer(producer, 1), Status::ok);
  EXPECT_EQ(size_now(), 0u);
  try_put("2", 3);
  EXPECT_EQ(out.answer(producer, 3), Status::ok);
  EXPECT_EQ(out.count(Kind::recall), 0u)
      << "else a waiting putter and a getter would keep each other from it for ever";
}

TEST_F(QueueHomeTest, TheAnswerToAGetIsNotRecalledForAnother) {
  get(a, 1);
  get(b, 2);
  put("1");
  try_get(c, 3);
  EXPECT_EQ(out.count(Kind::recall), 0u);
  EXPECT_EQ(out.answer(c, 3), Status::no);
}

TEST_F(QueueHomeTest, AnAnswerThatComesTooLateIsTakenBackForOthers) {
  bounded(1);
  put("1", 1);
  get(a, 2);
  auto items = *out.pop(Kind::queue_items, a);
  queue->on_cancel(a, 2, out);  // its time was up while the item travelled
  EXPECT_EQ(out.count(Kind::recall), 0u) << "it is the getter's, who may still wait for our word";
  queue->on(request(Kind::queue_give_up, a), {}, out);
  try_put("2", 3);  // whether there is room depends on whether "1" is taken after all
  EXPECT_EQ(out.answer(producer, 3), std::nullopt);
  ASSERT_TRUE(out.pop(Kind::recall, a));
  takers[a].deliver(std::move(items));
  answer_recall(a);
  EXPECT_EQ(out.answer(producer, 3), Status::no);
  EXPECT_EQ(takers[a].take(), std::nullopt) << "it was taken back";
  EXPECT_EQ(get_now(b), "1");
}

TEST_F(QueueHomeTest, TheBudgetOfBytesBoundsTooButLetsOneItemIn) {
  bounded(0, 10);
  put("0123456789ab", 1);
  EXPECT_EQ(out.answer(producer, 1), Status::ok);
  put("x", 2);
  EXPECT_EQ(out.answer(producer, 2), std::nullopt);
  EXPECT_EQ(get_now(a), "0123456789ab");
  EXPECT_EQ(out.answer(producer, 2), Status::ok);
}

TEST_F(QueueHomeTest, CloseLetsGettersDrainThenAnswersClosed) {
  put("1");
  put("2");
  EXPECT_EQ(get_now(b), "1");
  queue->on(request(Kind::queue_close, producer, 3), {}, out);
  EXPECT_EQ(out.answer(producer, 3), Status::ok);
  EXPECT_EQ(get_now(b), "2");
  get(c, 2);
  deliver();
  EXPECT_EQ(out.answer(c, 2), Status::closed);
  get(b, 4);
  EXPECT_EQ(out.answer(b, 4), Status::closed);
}

TEST_F(QueueHomeTest, AClosedQueueRefusesItemsAndGivesTheirHandlesBack) {
  const ObjectId inner{0, 7, producer};
  queue->on(request(Kind::queue_close, producer, 1), {}, out);
  queue->on(request(Kind::queue_put, producer, 2), text_payload("x", {inner}), out);
  EXPECT_EQ(out.answer(producer, 2), Status::closed);
  EXPECT_EQ(out.count(Kind::drop_flight), 1u);
}

TEST_F(QueueHomeTest, CloseAnswersWaitingPutters) {
  bounded(1);
  put("1", 1);
  put("2", 2);
  queue->on(request(Kind::queue_close, a, 3), {}, out);
  EXPECT_EQ(out.answer(producer, 2), Status::closed);
  EXPECT_EQ(get_now(a), "1");
}

TEST_F(QueueHomeTest, ACancelledGetterIsAnsweredAndSkipped) {
  get(a, 1);
  get(b, 2);
  queue->on_cancel(a, 1, out);
  EXPECT_EQ(out.answer(a, 1), Status::no);
  put("1");
  deliver();
  EXPECT_EQ(takers[a].take(), std::nullopt);
  EXPECT_EQ(takers[b].take(), "1");
  queue->on_cancel(b, 2, out);
  EXPECT_FALSE(out.answer(b, 2)) << "the item was first";
}

TEST_F(QueueHomeTest, ACancelledPutterIsAnsweredAndItsItemNeverArrives) {
  bounded(1);
  put("1", 1);
  put("2", 2);
  put("3", 3);
  queue->on_cancel(producer, 2, out);
  EXPECT_EQ(out.answer(producer, 2), Status::no);
  EXPECT_EQ(got({a, a}), "13");
}

TEST_F(QueueHomeTest, WhoGetsAloneIsHandedAhead) {
  warm_up(a);
  for (int i = 0; i < 50; ++i) put(std::to_string(i % 10));
  get(a, 1);
  deliver();
  EXPECT_EQ(takers[a].ahead.size(), 50u);
  EXPECT_EQ(size_now(), 50u) << "what is handed ahead still counts";
}

TEST_F(QueueHomeTest, WhoDoesNotGetAloneIsHandedOneItem) {
  for (int i = 0; i < 100; ++i) put("x");
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(get_now(a), "x");
    EXPECT_EQ(get_now(b), "x");
  }
  EXPECT_TRUE(takers[a].ahead.empty());
  EXPECT_TRUE(takers[b].ahead.empty());
}

TEST_F(QueueHomeTest, NothingIsHandedAheadFromABoundedQueue) {
  bounded(100);
  warm_up(a);
  for (int i = 0; i < 50; ++i) put("x");
  get(a, 1);
  deliver();
  EXPECT_EQ(takers[a].ahead.size(), 1u);
}

TEST_F(QueueHomeTest, AnotherGetterHasWhatWasHandedAheadRecalledFirst) {
  warm_up(a);
  for (const char* text : {"1", "2", "3", "4"}) put(text);
  get(a, 1);
  deliver();
  EXPECT_EQ(takers[a].take(), "1");
  put("5");
  try_get(b, 2);
  EXPECT_FALSE(out.pop(Kind::queue_items, b)) << "\"5\" must not overtake what lies at the other";
  EXPECT_FALSE(out.answer(b, 2));
  deliver();
  EXPECT_EQ(takers[b].take(), "2");
  EXPECT_EQ(takers[a].take(), std::nullopt) << "the rest was taken back";
  EXPECT_EQ(got({a, b, a}), "345");
}

TEST_F(QueueHomeTest, OneRecallServesAllWhoAskMeanwhile) {
  warm_up(a);
  for (const char* text : {"1", "2", "3"}) put(text);
  get(a, 1);
  deliver();
  get(b, 2);
  get(c, 3);
  EXPECT_EQ(out.count(Kind::recall), 1u);
  deliver();
  EXPECT_EQ(takers[a].take(), std::nullopt);
  EXPECT_TRUE(takers[b].take() || takers[c].take());
}

TEST_F(QueueHomeTest, ARecallOfADroppedHandleIsNotAnsweredForTheNextOne) {
  warm_up(a);
  for (const char* text : {"1", "2", "3"}) put(text);
  get(a, 1);
  deliver();
  EXPECT_EQ(takers[a].take(), "1");
  get(b, 2);
  const auto recall = out.pop(Kind::recall, a);
  ASSERT_TRUE(recall);
  drop_handle(a);
  EXPECT_FALSE(out.pop(Kind::queue_items, b)) << "the recall is not answered yet";
  put("4");
  put("5");
  get(a, 3);  // by a new handle, which starts with nothing
  EXPECT_FALSE(out.pop(Kind::queue_items, a))
      << "the answer would be taken for one about this item";
  queue->on(request(Kind::recalled, a), {Packer::pack(std::uint32_t{0}), {}}, out);
  deliver();
  EXPECT_EQ(takers[b].take(), "2");
  EXPECT_EQ(takers[a].take(), "3");
  die(a);
  EXPECT_EQ(got({b, b, b}), "45");
}

TEST_F(QueueHomeTest, WhatADroppedHandleTookIsNotTakenOffTheNextOne) {
  warm_up(a);  // it took many
  const auto took = takers[a].word.taken();
  drop_handle(a);
  put("1");
  get(a, 1, Kind::queue_get, 100, kSlot + 1);
  deliver();
  // At a's end its worker tells of both slots.
  queue->on(request(Kind::left, a), {Packer::pack(kSlot, took), {}}, out);
  queue->on(request(Kind::left, a),
            {Packer::pack(static_cast<std::uint16_t>(kSlot + 1), std::uint32_t{0}), {}}, out);
  queue->on_ended(a, facts_of(a, -9), out);
  takers.erase(a);
  EXPECT_EQ(get_now(b), "1");
}

TEST_F(QueueHomeTest, TheDeathOfAProcessGivesBackInOrderWhatItHadNotTaken) {
  warm_up(a);
  for (const char* text : {"1", "2", "3", "4"}) put(text);
  get(a, 1);
  deliver();
  EXPECT_EQ(takers[a].take(), "1");
  put("5");
  die(a);
  EXPECT_EQ(got({b, b, b, b}), "2345");
  EXPECT_EQ(get_now(b), "");
}

TEST_F(QueueHomeTest, ARecallIsSettledByTheDeathOfWhoWasAsked) {
  warm_up(a);
  put("1");
  put("2");
  get(a, 1);
  deliver();
  get(b, 2);
  ASSERT_TRUE(out.pop(Kind::recall, a));
  die(a);
  deliver();
  EXPECT_EQ(takers[b].take(), "1");
}

TEST_F(QueueHomeTest, AnItemHandedToAProcessThatHasJustDiedIsNotLost) {
  get(a, 1);
  queue->on(request(Kind::left, a), {Packer::pack(kSlot, std::uint32_t{0}), {}}, out);
  put("1");  // arrives between the two messages about the end, and goes to the waiting dead
  queue->on_ended(a, facts_of(a, -9), out);
  takers.erase(a);
  EXPECT_EQ(get_now(b), "1");
}

TEST_F(QueueHomeTest, ADeadGetterIsSkippedAndADeadPuttersItemCounts) {
  bounded(1);
  get(a, 1);
  queue->on_ended(a, facts_of(a, -9), out);
  put("1", 2);
  put("2", 3);
  queue->on_ended(producer, facts_of(producer, -9), out);
  EXPECT_EQ(got({b, b}), "12");
}

TEST_F(QueueHomeTest, ReferencesInAnItemComeBackWithIt) {
  const ObjectId inner{0, 7, producer};
  put("1", {inner});
  get(a, 1);
  deliver();
  die(a);
  try_get(b, 2);
  const auto items = take_payload(std::move(*out.pop(Kind::queue_items, b)));
  EXPECT_EQ(items.handles, references({inner}));
  EXPECT_EQ(out.count(Kind::drop_flight) + out.count(Kind::add_ref), 0u);
}

TEST_F(QueueHomeTest, WhenFreedGivesBackAllHandlesAndAnswersWaiters) {
  const ObjectId inner{0, 7, producer};
  bounded(1);
  put("1", {inner});
  queue->on(request(Kind::queue_put, producer, 4), text_payload("2", {inner}), out);
  queue->on_freed(out);
  EXPECT_EQ(out.count(Kind::drop_flight), 2u);
  EXPECT_EQ(out.answer(producer, 4), Status::closed);
}

TEST_F(QueueHomeTest, RefusesOperationsOfOtherObjects) {
  queue->on(request(Kind::acquire, a, 1), text_payload("x", {self}), out);
  EXPECT_EQ(out.count(Kind::drop_flight), 1u);
  EXPECT_EQ(out.answer(a, 1), Status::usage);
}

TEST_F(QueueHomeTest, GatheredPutsComeOutOneByOne) {
  put("0");
  put_gathered({"1", "2", "3"});
  put("4");
  EXPECT_EQ(got({a, b, a, b, a}), "01234");
}

TEST_F(QueueHomeTest, GatheredPutsThatDoNotFitTheirBytesAreRefused) {
  Bytes units;
  ItemBlock::append(units, text_payload("whole").bytes, 0);
  units.pop_back();
  EXPECT_THROW(queue->on(request(Kind::queue_puts, producer), {std::move(units), {}}, out),
               CodecError);
  EXPECT_EQ(got({a}), "");
}

TEST_F(QueueHomeTest, WhoPutsWithoutAskingIsAnsweredOnceThereIsRoom) {
  bounded(0, 10);
  const auto sync = [&](std::uint64_t call) {
    queue->on(request(Kind::queue_sync, producer, call), {}, out);
  };
  sync(1);
  EXPECT_EQ(out.answer(producer, 1), Status::ok);
  put(std::string(20, 'x'));
  put("y");
  sync(2);
  EXPECT_EQ(out.answer(producer, 2), std::nullopt) << "more waits here than it may";
  EXPECT_EQ(get_now(a), std::string(20, 'x'));
  EXPECT_EQ(out.answer(producer, 2), Status::ok);
  put(std::string(20, 'x'));
  sync(3);
  queue->on(request(Kind::queue_close, producer, 4), {}, out);
  EXPECT_EQ(out.answer(producer, 3), Status::closed);
  sync(5);
  EXPECT_EQ(out.answer(producer, 5), Status::closed);
}

TEST_F(QueueHomeTest, WhoPutsIntoAClosedQueueIsToldHowManyAreDropped) {
  queue->on(request(Kind::queue_close, a, 1), {}, out);
  put("1");
  put_gathered({"2", "3", "4"});
  const auto refused = [&](std::uint64_t call) {
    queue->on(request(Kind::queue_flush, producer, call), {}, out);
    return Unpacker(out.pop(Kind::reply, producer)->body).get<std::uint64_t>();
  };
  EXPECT_EQ(refused(2), 4u);
  EXPECT_EQ(refused(3), 0u) << "once";
  EXPECT_EQ(got({a}), "");
}

TEST_F(QueueHomeTest, ReservedRoomIsKeptForWhoReservedIt) {
  bounded(1);
  const auto reserve = [&](ProcessId who, std::uint64_t call) {
    queue->on(request(Kind::queue_reserve, who, call), {}, out);
  };
  const auto put_reserved = [&](ProcessId who, const std::string& text) {
    auto header = request(Kind::queue_put, who);
    header.status = static_cast<std::uint16_t>(PutRoute::reserved);
    queue->on(header, text_payload(text), out);
  };
  reserve(b, 1);
  EXPECT_EQ(out.answer(b, 1), Status::ok);
  try_put("0", 2);
  EXPECT_EQ(out.answer(producer, 2), Status::no);
  reserve(c, 3);
  EXPECT_EQ(out.answer(c, 3), std::nullopt);
  put_reserved(b, "1");
  EXPECT_EQ(out.answer(c, 3), std::nullopt) << "full";
  EXPECT_EQ(get_now(a), "1");
  EXPECT_EQ(out.answer(c, 3), Status::ok);
  queue->on(request(Kind::queue_unreserve, c), {}, out);
  reserve(b, 4);
  EXPECT_EQ(out.answer(b, 4), Status::ok);
  // The room was there before close(): so is the item, and getters wait for it.
  get(a, 5);
  queue->on(request(Kind::queue_close, c, 6), {}, out);
  EXPECT_EQ(out.answer(a, 5), std::nullopt);
  put_reserved(b, "2");
  deliver();
  EXPECT_EQ(takers[a].take(), "2");
  put_reserved(b, "3");
  try_get(a, 7);
  EXPECT_EQ(out.answer(a, 7), Status::closed) << "nothing was reserved for that one";
}

TEST_F(QueueHomeTest, ReservedRoomIsFreeAgainWhenItsProcessDies) {
  bounded(1);
  queue->on(request(Kind::queue_reserve, b, 1), {}, out);
  put("1", 2);
  EXPECT_EQ(out.answer(producer, 2), std::nullopt);
  queue->on_ended(b, facts_of(b, -9), out);
  EXPECT_EQ(out.answer(producer, 2), Status::ok);
}

TEST_F(QueueHomeTest, AnItemThatIsUngotComesFirst) {
  for (const char* text : {"1", "2"}) put(text);
  get(a, 1, Kind::queue_get, 1, kNoClaimSlot);
  const auto items = out.pop(Kind::queue_items, a);
  ASSERT_TRUE(items);
  queue->on(request(Kind::queue_unget, a), text_payload("1"), out);
  EXPECT_EQ(got({b, b}), "12");
}

TEST_F(QueueHomeTest, ALargeItemPassesWithoutACopyAndAlone) {
  warm_up(a);
  put("x");
  Bytes bytes(kLargeBytes);
  const auto* place = bytes.data();
  queue->on(request(Kind::queue_put, producer), {std::move(bytes), {}}, out);
  put("y");
  get(a, 1);
  auto small = out.pop(Kind::queue_items);
  ASSERT_TRUE(small);
  EXPECT_EQ(small->large.size, 0u);
  takers[a].deliver(std::move(*small));
  EXPECT_EQ(takers[a].ahead.size(), 1u) << "the large one is not handed ahead";
  EXPECT_EQ(takers[a].take(), "x");
  get(a, 2);
  const auto large = out.pop(Kind::queue_items);
  ASSERT_TRUE(large);
  EXPECT_EQ(large->large.view().data(), place);
  EXPECT_FALSE(large->large.sole()) << "the home has it still";
  EXPECT_LT(large->body.size(), 100u);
}

TEST_F(QueueHomeTest, ALargeItemOfAProcessThatDiesIsThereForTheNext) {
  Bytes bytes(kLargeBytes);
  const auto* place = bytes.data();
  queue->on(request(Kind::queue_put, producer), {std::move(bytes), {}}, out);
  get(a, 1);
  ASSERT_TRUE(out.pop(Kind::queue_items));
  die(a);
  get(b, 2);
  auto again = out.pop(Kind::queue_items);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->large.view().data(), place);
  takers[b].deliver(std::move(*again));
  EXPECT_EQ(takers[b].take()->size(), kLargeBytes);
}

}  // namespace
}  // namespace mpx::detail
