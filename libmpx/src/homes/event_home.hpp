#pragma once

#include "homes/wait_home.hpp"

namespace mpx::detail {

/// An event: set, all who wait are answered; it stays set until a user clears its word.
class EventHome : public WaitHome {
 public:
  using WaitHome::WaitHome;

 protected:
  [[nodiscard]] std::optional<Word> taken(Word word, ProcessId /*who*/) const override {
    return EventWord::taken(word);
  }
  void release(const FrameHeader& request, std::uint64_t /*n*/, Outbox& out) override {
    change([](Word word) { return std::optional(word | EventWord::kSet); }, out);
    out.reply(request, Status::ok);
  }
};

}  // namespace mpx::detail
