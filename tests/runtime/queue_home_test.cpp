#include "runtime/queue_home.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <tuple>

#include "support/homes.hpp"

namespace mpx::detail {
namespace {

constexpr std::uint16_t kSlot = 3;

/// A process that gets from the queue, with the word by which its worker takes items back.
struct Taker {
  struct Unit {
    ClaimStamp stamp;
    std::uint32_t number;
    std::string text;
  };
  ClaimWord word;
  std::deque<Unit> ahead;
  std::uint32_t taken = 0;

  /// What the worker does with a delivery, and the process when it has arrived.
  void deliver(Frame frame) {
    auto payload = take_payload(std::move(frame));
    Unpacker in(payload.bytes);
    const auto stamp = *word.extend(kSlot, in.get<ClaimStamp>().count);
    for (std::uint32_t i = 0; i < stamp.count; ++i) {
      static_cast<void>(in.get<std::uint32_t>());
      ahead.push_back({stamp, stamp.first + i, text_of(in.view())});
    }
  }
  std::optional<std::string> take() {
    while (!ahead.empty()) {
      const auto unit = std::move(ahead.front());
      ahead.pop_front();
      if (!word.take(unit.stamp.epoch, unit.number)) continue;
      ++taken;
      return unit.text;
    }
    return std::nullopt;
  }
};

struct QueueHomeTest : testing::Test {
  const ProcessId a = process(1), b = process(2), c = process(3), producer = process(9);
  const ObjectId self{0, 1, producer};
  std::unique_ptr<QueueHome> queue = std::make_unique<QueueHome>(self, 0, std::size_t{1} << 30);
  Collected out;
  std::map<ProcessId, Taker> takers;
  std::uint64_t next_call = 100;

  void bounded(std::size_t capacity, std::size_t bytes = std::size_t{1} << 30) {
    queue = std::make_unique<QueueHome>(self, capacity, bytes);
  }
  void put(const std::string& text, const std::vector<ObjectId>& handles = {}) {
    queue->on(request(Kind::queue_put, producer), text_payload(text, handles), out);
  }
  /// As the worker passes puts on that it has gathered.
  void put_gathered(const std::vector<std::string>& texts) {
    Bytes units;
    for (const auto& text : texts) ItemBlock::append(units, text_payload(text).bytes, 0);
    queue->on(request(Kind::queue_puts, producer), {std::move(units), {}}, out);
  }
  void put(const std::string& text, std::uint64_t call) {
    queue->on(request(Kind::queue_put, producer, call), text_payload(text), out);
  }
  void try_put(const std::string& text, std::uint64_t call) {
    queue->on(request(Kind::queue_try_put, producer, call), text_payload(text), out);
  }
  void get(ProcessId who, std::uint64_t call, Kind kind = Kind::queue_get,
           std::uint32_t want = 100, std::uint16_t slot = kSlot) {
    queue->on(request(kind, who, call), {Packer::pack(want, slot, takers[who].taken), {}}, out);
  }
  void try_get(ProcessId who, std::uint64_t call) { get(who, call, Kind::queue_try_get); }
  /// Gets what is there without waiting, as a process does; "" if there is nothing.
  std::string get_now(ProcessId who) {
    deliver();
    if (auto text = takers[who].take()) return *text;
    try_get(who, next_call++);
    deliver();
    return takers[who].take().value_or("");
  }
  /// What these get one after the other without waiting.
  std::string got(std::initializer_list<ProcessId> order) {
    std::string texts;
    for (const auto who : order) texts += get_now(who);
    return texts;
  }
  /// Brings deliveries to the takers, and their workers' answers to recalls back.
  void deliver() {
    for (bool some = true; some;) {
      some = false;
      while (auto items = out.pop(Kind::queue_items)) {
        const auto to = items->header.to;
        if (takers.contains(to)) takers[to].deliver(std::move(*items));
      }
      while (auto recall = out.pop(Kind::recall)) {
        some = true;
        answer_recall(recall->header.to);
      }
    }
  }
  void answer_recall(ProcessId who) {
    queue->on(request(Kind::recalled, who), {Packer::pack(takers[who].word.revoke()), {}}, out);
  }
  /// The last handle of a process goes, and a new one starts with nothing.
  void drop_handle(ProcessId who) {
    queue->on(request(Kind::left, who), {Packer::pack(kSlot, takers[who].word.taken()), {}}, out);
    takers.erase(who);
    takers[who];
  }
  /// The end of a process: its worker says what it took, then that it ended.
  void die(ProcessId who) {
    queue->on(request(Kind::left, who), {Packer::pack(kSlot, takers[who].word.taken()), {}}, out);
    queue->on_ended(who, facts_of(who, -9), out);
    takers.erase(who);
  }
  /// Makes `who` a process that is handed ahead.
  void warm_up(ProcessId who) {
    for (int i = 0; i < 20; ++i) {
      put("w");
      ASSERT_EQ(get_now(who), "w");
    }
  }
  std::uint64_t size_now() {
    queue->on(request(Kind::queue_info, producer, 1), {}, out);
    deliver();
    const auto reply = out.pop(Kind::reply, producer);
    return reply ? Unpacker(reply->body).get<std::uint64_t>() : 9999;
  }
};

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
  try_put("2", 3);              // whether there is room depends on whether "1" is taken after all
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
  put("y");
  EXPECT_EQ(out.answer(producer, 0), Status::closed)
      << "a producer that asks no answer is told all the same";
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
  EXPECT_FALSE(out.pop(Kind::queue_items, a)) << "the answer would be taken for one about this item";
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

TEST_F(QueueHomeTest, GatheredPutsAfterTheCloseTellTheirSender) {
  queue->on(request(Kind::queue_close, a, 1), {}, out);
  put_gathered({"1", "2"});
  const auto told = out.pop(Kind::reply, producer);
  ASSERT_TRUE(told);
  EXPECT_EQ(static_cast<Status>(told->header.status), Status::closed);
  EXPECT_EQ(got({a}), "");
}

TEST_F(QueueHomeTest, GatheredPutsThatDoNotFitTheirBytesAreRefused) {
  Bytes units;
  ItemBlock::append(units, text_payload("whole").bytes, 0);
  units.pop_back();
  EXPECT_THROW(queue->on(request(Kind::queue_puts, producer), {std::move(units), {}}, out),
               CodecError);
  EXPECT_EQ(got({a}), "");
}

/// Producers, getters and, unless it is calm, deaths and cancels at random; recalls and deliveries
/// arrive late. What comes back from the dead comes late, so order is promised in calm only.
class QueueHomeStorm : public QueueHomeTest,
                       public testing::WithParamInterface<std::tuple<std::size_t, bool>> {};

TEST_P(QueueHomeStorm, LosesAndDoublesNothingAndAnswersEveryone) {
  const auto [capacity, calm] = GetParam();
  SCOPED_TRACE("MPX_TEST_SEED=" + std::to_string(test_seed()));
  Dice dice(test_seed() + capacity);
  bounded(capacity);
  std::uint64_t next_process = 20;
  std::vector<ProcessId> alive;
  const auto arrive = [&] {
    alive.push_back(process(next_process++));
    takers[alive.back()];
  };
  for (int i = 0; i < 4; ++i) arrive();
  struct Waiting {
    ProcessId who;
    int item = -1;  // of a putter
  };
  std::map<std::uint64_t, Waiting> waiting;
  std::set<int> in_queue;  // put and not taken
  std::deque<Frame> late;  // deliveries and recalls on their way, in order
  int next_item = 0, taken = 0;
  std::map<ProcessId, int> last_taken;
  const auto take_all = [&, calm = calm](ProcessId who, std::size_t most) {
    while (most-- > 0) {
      const auto text = takers[who].take();
      if (!text) return;
      ++taken;
      ASSERT_EQ(in_queue.erase(std::stoi(*text)), 1u) << "item " << *text << " twice";
      ASSERT_TRUE(!calm || std::stoi(*text) + 1 > last_taken[who])
          << "one producer's items out of order";
      last_taken[who] = std::stoi(*text) + 1;
    }
  };
  const auto collect = [&] {
    for (auto& frame : out.take()) {
      const auto& header = frame.header;
      if (header.kind == Kind::queue_items) waiting.erase(header.call);
      if (header.kind == Kind::queue_items || header.kind == Kind::recall) {
        late.push_back(std::move(frame));
      } else if (const auto found = waiting.find(header.call);
                 header.kind == Kind::reply && found != waiting.end()) {
        ASSERT_EQ(header.to, found->second.who);
        if (found->second.item >= 0 && header.status == 1) in_queue.erase(found->second.item);
        waiting.erase(found);
      }
    }
  };
  const auto bring = [&] {
    auto frame = std::move(late.front());
    late.pop_front();
    const auto who = frame.header.to;
    if (!takers.contains(who)) return;  // its end has been told
    if (frame.header.kind == Kind::recall) return answer_recall(who);
    takers[who].deliver(std::move(frame));
  };
  for (int event = 0; event < 20'000; ++event) {
    const auto who = dice.pick(alive);
    switch (dice.below(8)) {
      case 0:
      case 1: {
        if (in_queue.size() > 200) break;
        in_queue.insert(next_item);
        const auto text = std::to_string(next_item++);
        if (capacity == 0 && dice.chance(0.5)) {
          put(text);
          break;
        }
        if (capacity == 0) {
          in_queue.insert(next_item);
          put_gathered({text, std::to_string(next_item)});
          ++next_item;
          break;
        }
        waiting[next_call] = {producer, next_item - 1};
        dice.chance(0.5) ? put(text, next_call) : try_put(text, next_call);
        ++next_call;
        break;
      }
      case 2:
      case 3:
        if (!takers[who].ahead.empty()) break;
        waiting[next_call] = {who};
        get(who, next_call++, dice.chance(0.5) ? Kind::queue_get : Kind::queue_try_get, 8);
        break;
      case 4:
        ASSERT_NO_FATAL_FAILURE(take_all(who, 1 + dice.below(4)));
        break;
      case 5:
        if (!calm && !waiting.empty() && dice.chance(0.5)) {
          const auto [call, waiter] = *waiting.begin();
          queue->on_cancel(waiter.who, call, out);
        }
        break;
      case 6:
        if (calm || !dice.chance(0.05)) break;
        die(who);
        std::erase(alive, who);
        std::erase_if(waiting, [&](const auto& entry) { return entry.second.who == who; });
        arrive();
        break;
      default:
        for (auto n = dice.below(4); n > 0 && !late.empty(); --n) bring();
    }
    ASSERT_NO_FATAL_FAILURE(collect());
  }
  // The storm is over: with all deliveries made, one getter drains the queue.
  for (const auto& [call, waiter] : std::map(waiting)) {
    if (waiter.item < 0) queue->on_cancel(waiter.who, call, out);
  }
  const auto last = process(next_process++);
  takers[last];
  while (true) {
    ASSERT_NO_FATAL_FAILURE(collect());
    if (!late.empty()) {
      bring();
      continue;
    }
    for (auto& [who, taker] : takers) ASSERT_NO_FATAL_FAILURE(take_all(who, 100'000));
    if (in_queue.empty()) break;
    ASSERT_FALSE(waiting.contains(next_call))
        << "a getter is not answered, " << in_queue.size() << " items left";
    waiting[++next_call] = {last};
    get(last, next_call, Kind::queue_try_get, 8);
    ASSERT_NO_FATAL_FAILURE(collect());
    ASSERT_TRUE(!late.empty() || !out.frames.empty()) << in_queue.size() << " items are lost";
  }
  for (const auto& [call, waiter] : waiting)
    ADD_FAILURE() << "call " << call << " was never answered";
  EXPECT_GT(taken, 500);
}

INSTANTIATE_TEST_SUITE_P(Capacities, QueueHomeStorm,
                         testing::Combine(testing::Values(0, 1, 5), testing::Bool()));

}  // namespace
}  // namespace mpx::detail
