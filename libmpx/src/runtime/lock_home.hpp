#pragma once

#include <deque>

#include "runtime/home.hpp"
#include "transport/words.hpp"

namespace mpx::detail {

/// Layout of a lock's word: 0 is free; else the owner's process id + 1 and two marks.
struct LockWord {
  static constexpr std::uint64_t kContended = std::uint64_t{1} << 63;  // unlock must ask the home
  static constexpr std::uint64_t kAbandoned = std::uint64_t{1} << 62;  // a holder died
  static constexpr std::uint64_t owned_by(ProcessId who) { return who.value() + 1; }
  static constexpr std::uint64_t owner(std::uint64_t word) {
    return word & ~(kContended | kAbandoned);
  }
};

/// Waiting for a lock: who must wait is queued here and granted in order.
///
/// | word        | lock_acquire          | lock_release          | holder dies                  |
/// |-------------|-----------------------|-----------------------|------------------------------|
/// | free        | owner := caller, ok   | usage                 | –                            |
/// | held        | contended, queued     | next waiter, or free  | abandoned; next waiter, or free
/// |
///
/// Without the contended mark, lock and unlock are one compare-and-swap by whoever reaches the
/// word, and this machine is not asked. It changes the word by compare-and-swap too, so a lock
/// handed on meanwhile is never freed by mistake.
class LockHome : public Home {
 public:
  LockHome(Words& words, WordRef word) : words_(words), word_(word) {}

  void on(const FrameHeader& request, Payload payload, Outbox& out) override;
  void on_cancel(ProcessId from, std::uint64_t call, Outbox& out) override;
  void on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) override;
  void on_freed(Outbox& out) override;

  [[nodiscard]] WordRef word() const { return word_; }

 private:
  void acquire(const FrameHeader& request, bool waits, Outbox& out);
  void release(const FrameHeader& request, Outbox& out);
  void pass_on(std::uint64_t held, std::uint64_t marks, Outbox& out);
  void unmark_contended();

  Words& words_;
  WordRef word_;
  std::deque<FrameHeader> waiters_;
};

}  // namespace mpx::detail
