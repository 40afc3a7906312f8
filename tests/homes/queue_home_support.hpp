#pragma once

#include <gtest/gtest.h>

#include <map>

#include "core/claims.hpp"
#include "homes/queue_home.hpp"
#include "support/homes.hpp"

namespace mpx::detail {

inline constexpr std::uint16_t kSlot = 3;

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
  void get(ProcessId who, std::uint64_t call, Kind kind = Kind::queue_get, std::uint32_t want = 100,
           std::uint16_t slot = kSlot) {
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

}  // namespace mpx::detail
