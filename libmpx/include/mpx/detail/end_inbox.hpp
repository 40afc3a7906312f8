#pragma once

#include <cstddef>
#include <cstdint>

#include "mpx/detail/payload.hpp"
#include "mpx/detail/stable.hpp"

namespace mpx::detail {

/// The messages of an end of a pipe that have come to its receiver and have not been received: by
/// way of the end's home, and by a direct ring from the sender.
///
/// A sender that has got a ring says so by a *switch*, the last that it sends by the home before it
/// writes to the ring; what it sends by the home again comes after it has closed the ring. So in
/// order are: what was in front of the switch, the ring, the rest.
class EndInbox {
 public:
  void on_item(Payload value) { inbox_.push_back(std::move(value)); }
  void on_switch();
  /// A new ring is about to be offered; the one before is closed and empty.
  void begin_ring();
  void on_ring(Bytes message);

  [[nodiscard]] bool empty() const {
    return inbox_.empty() && (switch_ != Switch::passed || rung_.empty());
  }
  /// Bytes that have come by the ring and wait.
  [[nodiscard]] std::size_t rung_bytes() const { return rung_bytes_; }
  /// The next message; there must be one.
  Payload pop();
  /// `value` is the next message again.
  void put_back(Payload value);

  /// All of it, as the body of end_return; the ring, if there is one, is closed and empty.
  Payload take_back();

 private:
  enum class Switch : std::uint8_t { none, queued, passed };

  void join();

  stable::deque<Payload> inbox_;  // by the home
  stable::deque<Payload> rung_;   // by the ring
  std::size_t rung_bytes_ = 0;
  Switch switch_ = Switch::none;
  std::size_t before_ = 0;  // messages of inbox_ in front of the switch, while queued
};

}  // namespace mpx::detail
