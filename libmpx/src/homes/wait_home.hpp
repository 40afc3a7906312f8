#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "homes/home.hpp"
#include "transport/words.hpp"
#include "wire/wait_words.hpp"

namespace mpx::detail {

/// Calls that are answered later, in the order in which they came.
class WaitList {
 public:
  struct Waiter {
    FrameHeader call;
    Status answer = Status::ok;  ///< when it is granted
    ObjectId condition{};        ///< a condition of a lock, by which it came here
  };

  [[nodiscard]] bool empty() const { return waiters_.empty(); }
  [[nodiscard]] std::size_t size() const { return waiters_.size(); }
  [[nodiscard]] const Waiter& operator[](std::size_t i) const { return waiters_[i]; }
  [[nodiscard]] auto begin() const { return waiters_.begin(); }
  [[nodiscard]] auto end() const { return waiters_.end(); }

  void push(const Waiter& waiter) { waiters_.push_back(waiter); }
  Waiter pop() {
    auto first = waiters_.front();
    waiters_.pop_front();
    return first;
  }
  /// Takes the waiter out that made this call, if it waits.
  std::optional<Waiter> take(ProcessId from, std::uint64_t call) {
    const auto found = std::find_if(waiters_.begin(), waiters_.end(), [&](const Waiter& waiter) {
      return waiter.call.from == from && waiter.call.call == call;
    });
    if (found == waiters_.end()) return std::nullopt;
    auto waiter = *found;
    waiters_.erase(found);
    return waiter;
  }
  /// Takes all waiters of a process out.
  std::vector<Waiter> take_all_of(ProcessId who) {
    std::vector<Waiter> taken;
    std::erase_if(waiters_, [&](const Waiter& waiter) {
      if (waiter.call.from == who) taken.push_back(waiter);
      return waiter.call.from == who;
    });
    return taken;
  }
  /// Answers all, and forgets them.
  void answer_all(Status status, const Bytes& text, Outbox& out) {
    for (const auto& waiter : waiters_) out.reply(waiter.call, status, Bytes(text));
    waiters_.clear();
  }

 private:
  std::deque<Waiter> waiters_;
};

/// Waiting for what a word stands for, as a service of the word's home: what a futex is in a
/// kernel. Locks, semaphores and events are this with a rule each for what a word becomes.
///
/// Who can have it changes the word by compare-and-swap and asks nobody. Who cannot calls `acquire`
/// here; while somebody waits, the word has the mark *contended*, which sends who gives it back here
/// (`release`) too.
///
/// | event          | free, nobody waits | taken, nobody waits  | taken, some wait (contended)     |
/// |----------------|--------------------|----------------------|----------------------------------|
/// | acquire        | taken, ok          | waits; contended     | waits, behind the others         |
/// | release        | Lock: usage;       | given back, ok       | given back, and granted in order |
/// |                | else given back    |                      | to all who can have it; ok       |
/// | cancel         | –                  | – (was granted)      | out, no; the last: not contended |
/// | a waiter dies  | –                  | –                    | out; the last: not contended     |
/// | a holder dies  | –                  | Lock: as release,    | the same, and granted in order   |
/// |                |                    | with *abandoned*;    |                                  |
/// |                |                    | owned permits: as    |                                  |
/// |                |                    | release; else told   |                                  |
/// | freed          | the word is free for others               | all: no_object                   |
///
/// "Free, some wait" is not there: each event is one compare-and-swap, from the word as it was to
/// the word after all grants that this makes possible, tried again if somebody changed it
/// meanwhile. So nobody waits for what is free (no wake-up is lost), what was handed on is never
/// given back by mistake, and who comes by the fast path overtakes nobody. An answer goes out only
/// with the swap that makes it true: a cancel that comes later finds nobody, and the caller learns
/// that it was granted.
class WaitHome : public Home {
 public:
  WaitHome(Words& words, WordRef word) : words_(words), word_(word) {}

  void on(const FrameHeader& request, Payload payload, Outbox& out) override;
  void on_cancel(ProcessId from, std::uint64_t call, Outbox& out) override;
  void on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) override;
  void on_freed(Outbox& out) override;

  [[nodiscard]] WordRef word() const { return word_; }
  /// Who waits, the next to be served first.
  [[nodiscard]] const WaitList& waiters() const { return waiters_; }

 protected:
  using Word = std::uint64_t;
  using Gone = std::vector<WaitList::Waiter>;

  /// What the word, without its mark, becomes when `who` has it; nothing: `who` must wait.
  [[nodiscard]] virtual std::optional<Word> taken(Word word, ProcessId who) const = 0;
  /// Gives back `n`, and answers.
  virtual void release(const FrameHeader& request, std::uint64_t n, Outbox& out) = 0;
  /// A process that may be a holder has ended; the calls by which it waited are out already.
  virtual void on_gone(ProcessId /*who*/, const ProcessFacts& /*facts*/, const Gone& /*waited*/,
                       Outbox& /*out*/) {}
  /// `who`, which waited, has it now.
  virtual void on_granted(ProcessId /*who*/) {}

  /// Makes the word `next(word)`, given without its mark, and grants what can be granted then. Does
  /// nothing if next() has no value; it may be asked again. Whether it was done.
  template <class Next>
  bool change(Next next, Outbox& out);
  /// As change(), leaving what the word says: who waits has changed.
  void look_again(Outbox& out);
  [[nodiscard]] Word load() const { return words_.load(word_); }
  static void refuse(const FrameHeader& request, const std::string& text, Outbox& out) {
    out.reply(request, Status::usage, Packer::pack(text));
  }

  WaitList waiters_;

 private:
  Words& words_;
  WordRef word_;
};

template <class Next>
bool WaitHome::change(Next next, Outbox& out) {
  auto word = words_.load(word_);
  while (true) {
    std::optional<Word> after = next(word & ~kContended);
    if (!after) return false;
    std::size_t granted = 0;
    for (; granted < waiters_.size(); ++granted) {
      const auto got = taken(*after, waiters_[granted].call.from);
      if (!got) break;
      after = got;
    }
    if (granted < waiters_.size()) *after |= kContended;
    const auto was = *after == word ? word : words_.compare_exchange(word_, word, *after);
    if (was != word) {
      word = was;
      continue;
    }
    for (; granted > 0; --granted) {
      const auto waiter = waiters_.pop();
      on_granted(waiter.call.from);
      out.reply(waiter.call, waiter.answer);
    }
    return true;
  }
}

}  // namespace mpx::detail
