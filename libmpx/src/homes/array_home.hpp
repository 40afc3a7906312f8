#pragma once

#include "homes/lock_home.hpp"

namespace mpx::detail {

/// An Array: its bytes, which move by messages, one at a time, and the lock that get_lock() returns.
class ArrayHome : public Home {
 public:
  ArrayHome(Words& words, WordRef lock, Bytes bytes)
      : lock_(words, lock), bytes_(std::move(bytes)) {}

  void on(const FrameHeader& request, Payload payload, Outbox& out) override;
  void on_cancel(ProcessId from, std::uint64_t call, Outbox& out) override {
    lock_.on_cancel(from, call, out);
  }
  void on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) override {
    lock_.on_ended(who, facts, out);
  }
  void on_freed(Outbox& out) override { lock_.on_freed(out); }
  void tell(ObjectFacts& facts) const override { lock_.tell(facts); }

 private:
  LockHome lock_;
  Bytes bytes_;
};

}  // namespace mpx::detail
