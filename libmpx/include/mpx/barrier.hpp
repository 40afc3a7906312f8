#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "mpx/bind_front.hpp"
#include "mpx/detail/barrier_core.hpp"
#include "mpx/detail/callable.hpp"
#include "mpx/detail/handle.hpp"
#include "mpx/error.hpp"

namespace mpx {

/// Holds each party back until all have come: multiprocessing.Barrier. It can be used again and
/// again; who is in one round is never mixed up with the next.
///
/// A Barrier is a handle: copies name the same barrier, and a copy sent to another process goes on
/// naming it.
///
/// Ordering:      what any party wrote to Values before its wait() is seen by all after theirs.
/// Thread safety: all members; a party is a thread that waits, of any process.
/// Failure:       a time-out, an action that throws and the death of a party break it: all who wait,
///                and all who come later, get BrokenBarrier, until reset(). A party is who waits,
///                and any process that has the handle and ends with another exit code than 0.
/// Cost:          a round trip to its home; with an action, one more for who runs it.
class Barrier : public detail::Handle<Barrier, detail::BarrierCore> {
 public:
  /// For one party, which never waits; made at first use, on the rank that uses it first.
  Barrier() : Barrier(1) {}
  /// For so many parties. Throws UsageError for 0.
  explicit Barrier(std::size_t parties) : Barrier(detail::BarrierCore::make(parties, {})) {}
  /// With an `action()`, which is called in each round by one party when all have come, before any
  /// goes on. It may be whatever may be called in a Process.
  template <class F = detail::Unresolved>
  requires detail::OneFunction<F> Barrier(std::size_t parties, const F& action)
      : Barrier(detail::BarrierCore::make(parties, call_of(action))) {}
  /// The barrier of that name in this job; see Named.
  Barrier(const Named& name, std::size_t parties)
      : Barrier(named(name, [&] { return detail::BarrierCore::make(parties, {}); })) {}
  template <class F = detail::Unresolved>
  requires detail::OneFunction<F> Barrier(const Named& name, std::size_t parties, const F& action)
      : Barrier(named(name, [&] { return detail::BarrierCore::make(parties, call_of(action)); })) {}

  /// Blocks until all parties wait. Returns a number below parties(), another one to each; 0 to the
  /// one that has run the action. Throws BrokenBarrier, and what the action throws.
  std::size_t wait() const { return core_->wait(detail::Deadline::never()); }
  /// As wait(), but breaks the barrier, and throws BrokenBarrier, when the round is not complete
  /// after `timeout`.
  std::size_t wait_for(Duration timeout) const {
    return core_->wait(detail::Deadline::after(timeout));
  }
  /// Breaks it.
  void abort() const { core_->abort(); }
  /// Makes it whole and empty. Who waits gets BrokenBarrier.
  void reset() const { core_->reset(); }

  [[nodiscard]] std::size_t parties() const { return core_->info().parties; }
  /// How many wait now.
  [[nodiscard]] std::size_t waiting() const { return core_->info().waiting; }
  [[nodiscard]] bool broken() const { return core_->info().broken; }

 private:
  friend class detail::Handle<Barrier, detail::BarrierCore>;
  explicit Barrier(std::shared_ptr<detail::BarrierCore> core) : Handle(std::move(core)) {}

  template <class F>
  static std::optional<detail::Payload> call_of(const F& action) {
    detail::Writer writer;
    detail::write_callable<F>(writer, action);
    return writer.take();
  }
};

}  // namespace mpx
