#pragma once

#include <map>

#include "homes/wait_home.hpp"

namespace mpx::detail {

/// A lock, and the conditions over it. The word says which process holds it.
///
/// | event                 | what happens, besides what is said of WaitHome                       |
/// |-----------------------|----------------------------------------------------------------------|
/// | condition_wait        | not the caller's: usage. Else the caller waits at the condition, and |
/// |                       | the lock is given back, in one step                                  |
/// | condition_notify n    | not the caller's: usage. Else the first n of the condition wait for  |
/// |                       | the lock, behind the others, to be answered ok; none is remembered   |
/// | cancel at a condition | waits for the lock, behind the others, to be answered no             |
/// | cancel after that     | nothing: the answer says which came first, and the lock is had       |
/// | a notified waiter     | the next of the condition is notified in its place                   |
/// | dies before its grant |                                                                      |
/// | the holder dies       | as release, with *abandoned*; all at all conditions are notified,    |
/// |                       | since a notification may have died with it                           |
class LockHome : public WaitHome {
 public:
  using WaitHome::WaitHome;

  void on(const FrameHeader& request, Payload payload, Outbox& out) override;
  void on_cancel(ProcessId from, std::uint64_t call, Outbox& out) override;
  void on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) override;
  void on_freed(Outbox& out) override;
  void tell(ObjectFacts& facts) const override;

  /// Who waits at which condition.
  [[nodiscard]] const std::map<ObjectId, WaitList>& conditions() const { return conditions_; }

 protected:
  [[nodiscard]] std::optional<Word> taken(Word word, ProcessId who) const override {
    return LockWord::taken(word, who);
  }
  void release(const FrameHeader& request, std::uint64_t n, Outbox& out) override;
  void on_gone(ProcessId who, const ProcessFacts& facts, const Gone& waited, Outbox& out) override;

 private:
  void give_back(Word owner, Word marks, Outbox& out);
  bool held_by_caller(const FrameHeader& request, const char* what, Outbox& out);
  void notify(ObjectId condition, std::uint64_t n);

  std::map<ObjectId, WaitList> conditions_;  // without empty ones
};

}  // namespace mpx::detail
