#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "mpx/detail/core.hpp"
#include "mpx/detail/stable.hpp"

namespace mpx::detail {

struct BarrierInfo {
  std::uint64_t parties = 0, waiting = 0;
  bool broken = false;
};

/// A barrier as this process sees it.
class BarrierCore : public Core {
 public:
  BarrierCore(std::uint64_t parties, std::optional<Payload> action)
      : parties_(parties), action_(std::move(action)) {}

  /// `action`: a callable, as write_callable() puts it.
  static std::shared_ptr<BarrierCore> make(std::uint64_t parties, std::optional<Payload> action);
  static std::shared_ptr<BarrierCore> load(Reader& reader);

  /// The caller's index. Runs the action, if it falls to the caller. Throws BrokenBarrier.
  std::uint64_t wait(Deadline deadline);
  void abort();
  void reset();
  BarrierInfo info();

 private:
  ObjectId create() override;
  void act(Payload action, std::uint64_t round);

  std::uint64_t parties_;
  // Until the barrier is made: then its home has it.
  std::optional<Payload> action_;
};

}  // namespace mpx::detail
