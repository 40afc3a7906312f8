#pragma once

#include <unordered_map>

#include "homes/wait_home.hpp"

namespace mpx::detail {

/// A semaphore's permits: the word says how many are free.
///
/// A process holds as many as it has acquired less those that it has released. Here it is known how
/// many by way of this home; the worker of the process adds, at its end, how many by way of the
/// word (`permits`). What a process holds when it ends badly is told in the log, and given back if
/// permits are owned.
class SemaphoreHome : public WaitHome {
 public:
  struct Settings {
    std::uint64_t most = SemaphoreWord::kMost;  ///< a release beyond it is refused
    std::uint8_t owned = 0;
  };
  SemaphoreHome(Words& words, WordRef word, ObjectId self, const Settings& settings)
      : WaitHome(words, word), self_(self), settings_(settings) {}

  void on(const FrameHeader& request, Payload payload, Outbox& out) override;
  void tell(ObjectFacts& facts) const override;

 protected:
  [[nodiscard]] std::optional<Word> taken(Word word, ProcessId /*who*/) const override {
    return SemaphoreWord::taken(word);
  }
  void release(const FrameHeader& request, std::uint64_t n, Outbox& out) override;
  void on_gone(ProcessId who, const ProcessFacts& facts, const Gone& waited, Outbox& out) override;
  void on_granted(ProcessId who) override { hold(who, 1); }

 private:
  void hold(ProcessId who, std::int64_t more);

  ObjectId self_;
  Settings settings_;
  std::unordered_map<ProcessId, std::int64_t> held_;  // by way of this home; without zeros
};

}  // namespace mpx::detail
