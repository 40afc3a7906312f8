#pragma once

#include <optional>

#include "homes/lock_home.hpp"

namespace mpx::detail {

/// A Value: its bytes, and the lock that get_lock() returns. A value of at most 8 bytes lives in a
/// word, and only its lock is ever asked for here; a longer one lives in this home's memory.
class CellHome : public Home {
 public:
  CellHome(Words& words, WordRef lock, std::optional<WordRef> value, Bytes bytes)
      : words_(words), lock_(words, lock), value_(value), bytes_(std::move(bytes)) {}

  void on(const FrameHeader& request, Payload payload, Outbox& out) override;
  void on_cancel(ProcessId from, std::uint64_t call, Outbox& out) override {
    lock_.on_cancel(from, call, out);
  }
  void on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) override {
    lock_.on_ended(who, facts, out);
  }
  void on_freed(Outbox& out) override;
  void tell(ObjectFacts& facts) const override { lock_.tell(facts); }

 private:
  Words& words_;
  LockHome lock_;
  std::optional<WordRef> value_;
  Bytes bytes_;
};

}  // namespace mpx::detail
