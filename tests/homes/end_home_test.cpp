#include "homes/end_home.hpp"

#include <gtest/gtest.h>

#include <map>

#include "support/homes.hpp"

namespace mpx::detail {
namespace {

/// What a receiver gives back, as a process packs it.
Payload returned(const std::vector<Payload>& items) {
  Packer packer;
  packer.put(std::uint64_t{items.size()});
  Payload back;
  for (const auto& item : items) {
    packer.put(static_cast<std::uint32_t>(item.handles.size()));
    packer.put(item.bytes);
    back.handles.insert(back.handles.end(), item.handles.begin(), item.handles.end());
  }
  packer.put(std::uint64_t{0});  // none of a direct ring
  back.bytes = std::move(packer).take();
  return back;
}

struct EndHomeTest : testing::Test {
  const ProcessId sender = process(1), a = process(2), b = process(3), c = process(4);
  const ObjectId self{0, 1, sender}, peer{0, 2, sender};
  EndHome end{self, peer};
  Collected out;

  void send(const std::string& text) {
    end.on(request(Kind::end_send, sender), text_payload(text), out);
  }
  void bind(ProcessId who, std::uint64_t call) {
    end.on(request(Kind::end_bind, who, call), {}, out);
  }
  void give_back(ProcessId who, const std::vector<std::string>& texts) {
    std::vector<Payload> items;
    for (const auto& text : texts) items.push_back(text_payload(text));
    end.on(request(Kind::end_return, who), returned(items), out);
  }
  void ack(ProcessId who, std::uint64_t bytes) {
    end.on(request(Kind::end_ack, who), {Packer::pack(bytes), {}}, out);
  }
  void sync(std::uint64_t call) { end.on(request(Kind::end_sync, sender, call), {}, out); }
  void gone(EndGone how) { gone(how, sender); }
  /// `who` had the other end.
  void gone(EndGone how, ProcessId who, int exit_code = -9) {
    auto header = request(Kind::end_peer_gone, {});
    header.status = static_cast<std::uint16_t>(how);
    end.on(header, {Packer::pack(facts_of(who, exit_code), who), {}}, out);
  }
  /// A process that has this end dies.
  void die(ProcessId who, int exit_code = -9) {
    end.on_holder_ended(who, facts_of(who, exit_code), out);
    end.on_ended(who, facts_of(who, exit_code), out);
  }
  /// Items delivered to `who`, in order, taken out.
  std::string got(ProcessId who) {
    std::string texts;
    while (auto frame = out.pop(Kind::end_item, who)) texts += text_of(frame->body);
    return texts;
  }
  /// How `who` is told that nothing more comes; 0: it is not told.
  int told(ProcessId who, Kind kind = Kind::end_closed) {
    const auto frame = out.pop(kind, who);
    return frame ? frame->header.status : 0;
  }
};

constexpr int kClosed = static_cast<int>(EndGone::closed), kLost = static_cast<int>(EndGone::lost);

TEST_F(EndHomeTest, MessagesWaitForTheFirstReceiver) {
  send("1");
  send("2");
  EXPECT_TRUE(out.frames.empty());
  bind(a, 1);
  EXPECT_EQ(got(a), "12");
  EXPECT_EQ(out.answer(a, 1), Status::ok);
  send("3");
  EXPECT_EQ(got(a), "3");
}

TEST_F(EndHomeTest, BindingTwiceChangesNothing) {
  bind(a, 1);
  bind(a, 2);
  EXPECT_EQ(out.answer(a, 1), Status::ok);
  EXPECT_EQ(out.answer(a, 2), Status::ok);
  EXPECT_TRUE(out.frames.empty());
}

TEST_F(EndHomeTest, AnotherReceiverGetsFirstWhatTheFormerHadNotConsumed) {
  bind(a, 1);
  send("1");
  send("2");
  EXPECT_EQ(got(a), "12");
  bind(b, 2);
  ASSERT_TRUE(out.pop(Kind::end_recall, a));
  send("3");  // comes while the give-back is awaited
  EXPECT_EQ(got(a) + got(b), "");
  EXPECT_EQ(out.answer(b, 2), Status::no) << "not yet";
  give_back(a, {"2"});  // it had consumed "1"
  EXPECT_EQ(got(b), "23");
}

TEST_F(EndHomeTest, AReceiverThatGivesItsHandleUpIsAskedForTheRest) {
  bind(a, 1);
  send("1");
  EXPECT_EQ(got(a), "1");
  end.on(request(Kind::end_unbind, a, 2), {}, out);
  EXPECT_EQ(out.answer(a, 2), Status::ok);
  send("2");
  EXPECT_FALSE(out.pop(Kind::end_item)) << "nobody receives";
  give_back(a, {"1"});
  bind(b, 2);
  EXPECT_EQ(got(b), "12");
}

TEST_F(EndHomeTest, WhoIsAskedForTheRestWhileItGivesItsHandleUpGivesItOnce) {
  bind(a, 1);
  send("1");
  EXPECT_EQ(got(a), "1");
  bind(b, 2);
  ASSERT_TRUE(out.pop(Kind::end_recall, a));
  end.on(request(Kind::end_unbind, a, 3), {}, out);
  EXPECT_EQ(out.answer(a, 3), Status::ok) << "behind the recall, which it need not heed";
  send("2");
  EXPECT_EQ(got(b), "") << "not before what it gives back";
  give_back(a, {"1"});
  EXPECT_EQ(got(b), "12");
}

TEST_F(EndHomeTest, WhoGivesItsHandleUpWhileItWaitsForItsTurnIsLetGo) {
  bind(a, 1);
  send("1");
  EXPECT_EQ(got(a), "1");
  bind(b, 2);
  ASSERT_TRUE(out.pop(Kind::end_recall, a));
  end.on(request(Kind::end_unbind, b, 3), {}, out);
  EXPECT_EQ(out.answer(b, 3), Status::ok) << "it waits for that";
  give_back(b, {});
  give_back(a, {"1"});
  bind(c, 3);
  EXPECT_EQ(got(c), "1");
}

TEST_F(EndHomeTest, ReceiversThatAskTogetherAreServedInTurn) {
  bind(a, 1);
  send("1");
  EXPECT_EQ(got(a), "1");
  bind(b, 2);
  bind(c, 3);
  ASSERT_TRUE(out.pop(Kind::end_recall, a));
  EXPECT_FALSE(out.pop(Kind::end_recall)) << "one at a time";
  give_back(a, {"1"});
  EXPECT_EQ(got(b), "1");
  ASSERT_TRUE(out.pop(Kind::end_recall, b)) << "somebody waits behind it";
  give_back(b, {});
  send("2");
  EXPECT_EQ(got(c), "2");
}

TEST_F(EndHomeTest, HandlesInMessagesSurviveTheGiveBack) {
  const ObjectId inner{0, 9, sender}, other{1, 8, sender};
  bind(a, 1);
  end.on(request(Kind::end_send, sender), text_payload("x", {inner}), out);
  end.on(request(Kind::end_send, sender), text_payload("y", {other, inner}), out);
  out.take();
  bind(b, 2);
  end.on(request(Kind::end_return, a),
         returned({text_payload("x", {inner}), text_payload("y", {other, inner})}), out);
  auto first = take_payload(std::move(*out.pop(Kind::end_item, b)));
  auto second = take_payload(std::move(*out.pop(Kind::end_item, b)));
  EXPECT_EQ(text_of(first.bytes), "x");
  EXPECT_EQ(first.handles, references({inner}));
  EXPECT_EQ(text_of(second.bytes), "y");
  EXPECT_EQ(second.handles, references({other, inner}));
  EXPECT_EQ(out.count(Kind::drop_flight), 0u);
}

TEST_F(EndHomeTest, AReceiverThatDiesMakesRoomForTheNext) {
  bind(a, 1);
  send("1");
  bind(b, 2);
  out.take();
  end.on_ended(a, facts_of(a, -9), out);  // it never gives back: "1" is lost with it
  send("2");
  EXPECT_EQ(got(b), "2");
}

TEST_F(EndHomeTest, MessagesWaitAgainAfterTheReceiverDied) {
  bind(a, 1);
  end.on_ended(a, facts_of(a, 0), out);
  out.take();
  send("1");
  EXPECT_TRUE(out.frames.empty());
  bind(b, 2);
  EXPECT_EQ(got(b), "1");
}

TEST_F(EndHomeTest, AWaitingReceiverThatDiesIsSkipped) {
  bind(a, 1);
  bind(b, 2);
  bind(c, 3);
  out.take();
  end.on_ended(b, facts_of(b, -9), out);
  give_back(a, {"1"});
  EXPECT_EQ(got(c), "1");
  EXPECT_FALSE(out.pop(Kind::end_recall));
}

TEST_F(EndHomeTest, ClosedIsToldAfterWhatWasSent) {
  send("1");
  gone(EndGone::closed);
  bind(a, 1);
  const auto frames = out.take();
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0].header.kind, Kind::end_item);
  EXPECT_EQ(frames[1].header.kind, Kind::end_closed);
  EXPECT_EQ(frames[1].header.status, kClosed);
}

TEST_F(EndHomeTest, ABoundReceiverIsToldAtOnce) {
  bind(a, 1);
  gone(EndGone::closed);
  EXPECT_EQ(told(a), kClosed);
}

TEST_F(EndHomeTest, EveryLaterReceiverIsToldToo) {
  bind(a, 1);
  gone(EndGone::closed);
  bind(b, 2);
  out.take();
  give_back(a, {"1"});
  EXPECT_EQ(got(b), "1");
  EXPECT_EQ(told(b), kClosed);
}

TEST_F(EndHomeTest, TheDeathOfTheLastSenderIsToldWithItsFacts) {
  bind(a, 1);
  send("1");
  gone(EndGone::lost, sender, -11);
  EXPECT_EQ(got(a), "1");
  const auto frame = out.pop(Kind::end_closed, a);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->header.status, kLost);
  EXPECT_EQ(Unpacker(frame->body).get<ProcessFacts>().exit_code, -11);
}

TEST_F(EndHomeTest, TheDeathOfWhoHadTheOtherEndAndNeverSentIsToldToo) {
  bind(a, 1);
  gone(EndGone::lost, b);
  EXPECT_EQ(told(a), kLost);
}

TEST_F(EndHomeTest, ADeathIsToldThoughAllCopiesAreClosedThen) {
  send("1");
  gone(EndGone::lost);
  gone(EndGone::closed);
  bind(a, 1);
  EXPECT_EQ(got(a), "1");
  EXPECT_EQ(told(a), kLost);
}

TEST_F(EndHomeTest, TheDeathOfAHolderIsToldToTheOtherEndAndToWhoSendsHere) {
  sync(1);
  die(a, -9);
  const auto news = out.pop(Kind::end_peer_gone);
  ASSERT_TRUE(news);
  EXPECT_EQ(news->header.object, peer);
  EXPECT_EQ(news->header.status, kLost);
  EXPECT_EQ((std::get<1>(Unpacker::unpack<ProcessFacts, ProcessId>(news->body))), a);
  const auto frame = out.pop(Kind::end_unread, sender);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->header.object, peer) << "it knows its own end only";
  EXPECT_EQ(frame->header.status, kLost);
  EXPECT_EQ(Unpacker(frame->body).get<ProcessFacts>().exit_code, -9);
}

TEST_F(EndHomeTest, WhoSendsOnlyAfterADeathIsToldThenToo) {
  die(a, -9);
  out.take();
  sync(1);
  EXPECT_EQ(told(sender, Kind::end_unread), kLost);
  sync(2);
  EXPECT_EQ(told(sender, Kind::end_unread), 0) << "once";
}

TEST_F(EndHomeTest, WhoReceivesAfterADeathTakesItsPlace) {
  sync(1);
  die(a, -9);
  out.take();
  bind(b, 2);
  const auto frame = out.pop(Kind::end_unread, sender);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->header.status, static_cast<int>(EndGone::no));
  const auto news = out.pop(Kind::end_peer_gone);
  ASSERT_TRUE(news);
  EXPECT_EQ(news->header.status, static_cast<int>(EndGone::no));
}

TEST_F(EndHomeTest, TheDeathOfAHolderIsNoLossWhileAnotherReceives) {
  bind(b, 1);
  sync(2);
  out.take();
  die(a, -9);
  EXPECT_TRUE(out.frames.empty());
}

TEST_F(EndHomeTest, TheGoodEndOfAHolderIsNoLoss) {
  sync(1);
  out.take();
  die(a, 0);
  EXPECT_TRUE(out.frames.empty());
}

TEST_F(EndHomeTest, WhoFindsTheOtherEndGoneIsToldWhatBecameOfIt) {
  gone(EndGone::lost, b);
  gone(EndGone::closed);
  end.on(request(Kind::end_fate, a, 1), {}, out);
  const auto reply = out.pop(Kind::reply, a);
  ASSERT_TRUE(reply);
  const auto [what, facts] = Unpacker::unpack<EndGone, ProcessFacts>(reply->body);
  EXPECT_EQ(what, EndGone::lost);
  EXPECT_EQ(facts.name, facts_of(b, -9).name);
}

TEST_F(EndHomeTest, AReceiverWhoseTurnHasNotComeIsAnsweredAtOnce) {
  bind(a, 1);
  bind(b, 2);
  EXPECT_EQ(out.answer(b, 2), Status::no) << "the first may compute for hours";
}

TEST_F(EndHomeTest, TheDeathOfAFormerSenderIsNoLoss) {
  bind(a, 1);
  send("1");
  end.on(request(Kind::end_send, b), text_payload("2"), out);
  gone(EndGone::lost);
  EXPECT_EQ(told(a), 0);
}

TEST_F(EndHomeTest, TheDeathOfTheLastThatHadTheOtherEndIsToldThoughOthersHadSent) {
  bind(a, 1);
  send("1");
  gone(EndGone::lost, b);  // to whom the sender had handed it
  EXPECT_EQ(told(a), 0) << "the sender may have kept a copy";
  gone(EndGone::closed);
  EXPECT_EQ(told(a), kLost);
}

TEST_F(EndHomeTest, ADeathAfterWhichOthersSentIsNoLossAtTheEnd) {
  bind(a, 1);
  send("1");
  gone(EndGone::lost, b);
  send("2");
  gone(EndGone::closed);
  EXPECT_EQ(told(a), kClosed);
}

TEST_F(EndHomeTest, ANewSenderEndsTheLoss) {
  send("1");
  gone(EndGone::lost);
  end.on(request(Kind::end_send, b), text_payload("2"), out);
  bind(a, 1);
  EXPECT_EQ(got(a), "12");
  EXPECT_EQ(told(a), 0);
}

TEST_F(EndHomeTest, ClosedIsNotOverruledByALoss) {
  send("1");
  gone(EndGone::closed);
  gone(EndGone::lost);
  bind(a, 1);
  EXPECT_EQ(told(a), kClosed);
}

TEST_F(EndHomeTest, ASyncWaitsUntilTheBacklogIsConsumed) {
  bind(a, 1);
  out.take();
  sync(1);
  EXPECT_EQ(out.answer(sender, 1), Status::ok);
  const std::string big(kEndBacklogBytes / 2 + 1, 'x');
  send(big);
  send(big);
  out.take();
  sync(2);
  EXPECT_EQ(out.answer(sender, 2), std::nullopt);
  ack(a, big.size());
  EXPECT_EQ(out.answer(sender, 2), Status::ok);
}

TEST_F(EndHomeTest, ACancelledSyncIsAnswered) {
  send(std::string(kEndBacklogBytes + 1, 'x'));
  sync(1);
  end.on_cancel(sender, 1, out);
  EXPECT_EQ(out.answer(sender, 1), Status::no);
  bind(a, 2);
  ack(a, kEndBacklogBytes);
  EXPECT_EQ(out.answer(sender, 1), std::nullopt) << "answered once";
}

TEST_F(EndHomeTest, WhatADeadReceiverHadNoLongerCountsAsBacklog) {
  bind(a, 1);
  send(std::string(kEndBacklogBytes + 1, 'x'));
  sync(1);
  out.take();
  end.on_ended(a, facts_of(a, -9), out);
  EXPECT_EQ(out.answer(sender, 1), Status::ok) << "nobody can consume it any more";
}

TEST_F(EndHomeTest, ConsumedButNotYetAcknowledgedCountsNoLongerAfterTheGiveBack) {
  bind(a, 1);
  send(std::string(kEndBacklogBytes + 1, 'x'));
  sync(1);
  bind(b, 2);
  out.take();
  give_back(a, {});  // it has consumed the message
  EXPECT_EQ(out.answer(sender, 1), Status::ok);
}

TEST_F(EndHomeTest, WhenFreedDropsItsItemsAndTellsBothSides) {
  const ObjectId inner{0, 9, sender};
  end.on(request(Kind::end_send, sender), text_payload("x", {inner}), out);
  end.on(request(Kind::end_send, sender), text_payload(std::string(kEndBacklogBytes, 'x')), out);
  sync(1);
  EXPECT_EQ(out.answer(sender, 1), std::nullopt);
  end.on_freed(out);
  const auto dropped = out.pop(Kind::drop_flight);
  ASSERT_TRUE(dropped);
  EXPECT_EQ(dropped->header.object, inner);
  const auto news = out.pop(Kind::end_peer_gone);
  ASSERT_TRUE(news);
  EXPECT_EQ(news->header.object, peer);
  EXPECT_EQ(news->header.status, kClosed);
  EXPECT_EQ(out.answer(sender, 1), Status::closed);
  const auto told_sender = out.pop(Kind::end_unread, sender);
  ASSERT_TRUE(told_sender) << "its sends would go nowhere";
  EXPECT_EQ(told_sender->header.object, peer) << "it knows its own end only";
}

TEST_F(EndHomeTest, RefusesOperationsOfOtherObjects) {
  end.on(request(Kind::acquire, a, 1), text_payload("x", {peer}), out);
  EXPECT_EQ(out.count(Kind::drop_flight), 1u);
  EXPECT_EQ(out.answer(a, 1), Status::usage);
}

/// A sender and receivers that come, take turns and die. A receiver answers a recall late.
TEST_F(EndHomeTest, RandomEventsLoseNoMessageExceptWithItsReceiver) {
  const auto seed = test_seed();
  SCOPED_TRACE("MPX_TEST_SEED=" + std::to_string(seed));
  Dice dice(seed);
  struct Receiver {
    std::deque<std::string> inbox;
    bool recalled = false, bound = false;
    std::uint64_t waits = 0;  // for the answer to this bind
  };
  std::uint64_t next_process = 20, next_call = 1;
  std::map<ProcessId, Receiver> receivers;
  const auto arrive = [&] { receivers[process(next_process++)]; };
  for (int i = 0; i < 4; ++i) arrive();
  int sent = 0, expected = 0, lost = 0;
  const auto deliver = [&] {
    for (auto& frame : out.take()) {
      const auto to = receivers.find(frame.header.to);
      if (to == receivers.end()) continue;
      auto& receiver = to->second;
      if (frame.header.kind == Kind::end_item) receiver.inbox.push_back(text_of(frame.body));
      if (frame.header.kind == Kind::end_recall) receiver.recalled = true;
      if (frame.header.kind != Kind::reply) continue;
      ASSERT_EQ(frame.header.call, receiver.waits);
      receiver.waits = 0;
      receiver.bound = true;
    }
  };
  const auto answer_recall = [&](ProcessId who) {
    auto& receiver = receivers[who];
    give_back(who, {receiver.inbox.begin(), receiver.inbox.end()});
    receiver.inbox.clear();
    receiver.recalled = receiver.bound = false;
  };
  const auto consume = [&](Receiver& receiver) {
    const auto number = std::stoi(receiver.inbox.front());
    receiver.inbox.pop_front();
    ASSERT_GE(number, expected) << "out of order, or twice";
    lost += number - expected;
    expected = number + 1;
  };
  int allowed = 0;  // messages that lay with a receiver when it died
  for (int event = 0; event < 20'000; ++event) {
    auto at = receivers.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(dice.below(receivers.size())));
    auto& [who, receiver] = *at;
    switch (dice.below(6)) {
      case 0:
        send(std::to_string(sent++));
        break;
      case 1:
      case 2:
        if (!receiver.inbox.empty()) {
          ASSERT_NO_FATAL_FAILURE(consume(receiver));
        }
        break;
      case 3:
        if (receiver.bound || receiver.waits != 0) break;
        receiver.waits = next_call;
        bind(who, next_call++);
        break;
      case 4:
        if (receiver.recalled) answer_recall(who);
        break;
      default:
        if (!dice.chance(0.1)) break;
        allowed += static_cast<int>(receiver.inbox.size());
        const auto dead = who;
        receivers.erase(at);
        end.on_ended(dead, facts_of(dead, -9), out);
        arrive();
    }
    ASSERT_NO_FATAL_FAILURE(deliver());
  }
  // Everyone answers; whoever waits is served, and the last receiver gets the rest.
  const auto last = process(next_process++);
  receivers[last].waits = next_call;
  bind(last, next_call++);
  for (bool some = true; some;) {
    some = false;
    ASSERT_NO_FATAL_FAILURE(deliver());
    for (auto& [who, receiver] : receivers) {
      if (!receiver.recalled) continue;
      answer_recall(who);
      some = true;
      break;
    }
  }
  for (const auto& [who, receiver] : receivers)
    EXPECT_EQ(receiver.waits, 0u) << "a receiver was forgotten";
  while (!receivers[last].inbox.empty()) ASSERT_NO_FATAL_FAILURE(consume(receivers[last]));
  lost += sent - expected;
  EXPECT_LE(lost, allowed);
  EXPECT_GT(expected, 1000);
}

}  // namespace
}  // namespace mpx::detail
