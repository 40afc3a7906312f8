#pragma once

#include <deque>
#include <set>
#include <unordered_map>
#include <vector>

#include "core/claims.hpp"
#include "core/item_block.hpp"
#include "homes/home.hpp"

namespace mpx::detail {

/// A queue's items and who waits for them.
///
/// A process that alone gets from an unbounded queue is handed items ahead; they stay recorded here
/// until it is known that it took them, and the rank that supervises it can take them back at any
/// time (core/claims.hpp). As soon as another process asks, what was handed ahead is recalled
/// first, so that nothing overtakes it, and it is not handed ahead again before it has got as many
/// items one by one: a recall may come before it could take even the one that it waits for. Items
/// carry a sequence number and always come out in its order.
///
/// The item that answers a get is the getter's: it does not count here and is not recalled, unless
/// the getter has given up and says so. Whoever owns an item, by its claim, owns the references in
/// it.
class QueueHome : public Home {
 public:
  QueueHome(const ObjectId& self, std::size_t capacity, std::size_t budget_bytes)
      : self_(self), capacity_(capacity), budget_bytes_(budget_bytes) {}

  void on(const FrameHeader& request, Payload payload, Outbox& out) override;
  void on_cancel(ProcessId from, std::uint64_t call, Outbox& out) override;
  void on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) override;
  void on_freed(Outbox& out) override;
  void tell(ObjectFacts& facts) const override;

 private:
  /// Items that were put one after the other.
  struct Stored {
    std::uint64_t first;  // sequence number
    ItemBlock items;
  };
  struct Getter {
    FrameHeader request;
    std::uint32_t want;
    std::uint16_t slot;
    bool waits;  // or only tries
  };
  struct Putter {
    FrameHeader request;
    Payload value;
    bool waits;     // or only tries
    bool reserves;  // room, and has no value yet
  };
  struct Handed {
    Stored stored;
    bool answer;  // to a get that still waits for it; else handed ahead
  };
  struct Hand {
    std::deque<Handed> blocks;  // handed, not known to be taken
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] std::size_t ahead() const;
    std::uint32_t taken = 0;  // by its own count, modulo 2^32
    std::uint16_t slot = kNoClaimSlot;
    bool recalling = false;
    std::size_t counted = 0;  // of ahead(), in ahead_
  };

  void put(const FrameHeader& request, Payload payload, bool waits, Outbox& out);
  void get(const FrameHeader& request, const Payload& payload, bool waits, Outbox& out);
  static void forget_taken(Hand& hand, std::size_t count);
  void note(ProcessId who, Hand& hand);
  void on_left(ProcessId from, const Payload& payload, Outbox& out);
  void on_recalled(ProcessId from, std::size_t units, Outbox& out);
  void give_back(Hand& hand, std::size_t units);
  void reserve(const FrameHeader& request, Outbox& out);
  bool unreserve(ProcessId who);
  void give_up(ProcessId who, Outbox& out);
  void unget(Payload payload, Outbox& out);
  void sync(const FrameHeader& request, Outbox& out);
  void info(const FrameHeader& request, Outbox& out);
  void close(const FrameHeader& request, Outbox& out);

  void put_several(const FrameHeader& request, Payload payload, Outbox& out);
  void refuse(const FrameHeader& request, const Payload& payload, std::uint64_t items, Outbox& out);
  void flush(const FrameHeader& request, Outbox& out);

  void accept(Payload&& value);
  Stored take_front(std::size_t most, std::size_t most_bytes);
  void put_back(Stored stored);
  void serve_putters(Outbox& out);
  void serve(Outbox& out);
  bool recall_others(ProcessId than, Outbox& out);
  void hand(const Getter& getter, Outbox& out);
  [[nodiscard]] std::size_t size() const { return count_ + ahead_; }
  [[nodiscard]] bool has_room() const;
  /// Closed, and nothing more can come.
  [[nodiscard]] bool over() const { return closed_ && putters_.empty() && reserved_.empty(); }

  ObjectId self_;
  std::size_t capacity_, budget_bytes_;
  bool closed_ = false;
  std::uint64_t next_sequence_ = 0;
  std::size_t bytes_ = 0, count_ = 0;  // of items_
  std::deque<Stored> items_;           // by sequence number
  std::deque<Getter> getters_;
  std::deque<Putter> putters_;
  std::multiset<ProcessId> reserved_;  // room, for an item that is on its way
  std::deque<FrameHeader> syncs_;      // of who puts without asking
  std::deque<FrameHeader> infos_;
  std::unordered_map<ProcessId, std::uint64_t> refused_;  // items, by who has not been told
  std::unordered_map<ProcessId, Hand> hands_;
  std::set<ProcessId> holding_;  // of them: have items ahead, or are asked for them
  std::size_t ahead_ = 0;        // items
  bool getters_try_ = false, putters_try_ = false;  // perhaps: some of them
  ProcessId last_getter_;
  std::uint32_t gets_in_a_row_ = 0;
};

}  // namespace mpx::detail
