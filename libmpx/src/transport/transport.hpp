#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "core/frame.hpp"

namespace mpx::detail {

/// Carries frames between ranks: MPI, or memory for tests in one process.
///
/// Ordering:      frames from one rank to another arrive in the order they were sent.
/// Thread safety: none; the runtime calls it under its mutex (MPI_THREAD_SERIALIZED). Only
///                interrupt() may be called from anywhere.
/// Failure:       throws TransportError; no call blocks for a peer.
class Transport {
 public:
  using Deliver = std::function<void(Frame&&)>;

  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  [[nodiscard]] virtual int rank() const = 0;
  [[nodiscard]] virtual int size() const = 0;
  /// Host name of a rank, as gethostname() gives it there.
  [[nodiscard]] virtual const std::string& host(int rank) const = 0;
  /// Whether `rank` shares this rank's node.
  [[nodiscard]] virtual bool same_node(int rank) const = 0;

  /// Takes the frame for `to` (another rank). Small frames for one rank travel together and leave
  /// at the next flush(); nothing is lost if the caller never flushes but poll()s.
  virtual void send(int to, Frame frame) = 0;

  /// Hands all batched frames to the network and rings the ranks of this node that sleep.
  virtual void flush() = 0;

  /// Makes progress and gives every frame that has arrived to `deliver`, which may call send().
  /// Returns how many frames were delivered; 0 only if no message was left to take.
  virtual std::size_t poll(const Deliver& deliver) = 0;

  /// Collective, the last call: takes in and drops all that was sent to this rank, so that nothing
  /// is left in the network for whoever uses it next.
  virtual void drain() {}

  /// Whether transfers are under way that need poll() to be called soon.
  [[nodiscard]] virtual bool busy() const = 0;

  /// Announces that this rank is about to sleep on doorbell(). After it, a frame sent to this rank
  /// by a rank of this node makes doorbell() readable. The caller must poll() once more, and may
  /// sleep only if that delivered nothing; while busy(), only for a short time.
  virtual void announce_sleep() = 0;

  /// Ends the announcement and empties the doorbell.
  virtual void announce_awake() = 0;

  /// A file descriptor that becomes readable when this sleeping rank is rung.
  [[nodiscard]] virtual int doorbell() const = 0;

  /// Whether some peer cannot ring the doorbell (it is on another node), so sleep must be bounded.
  [[nodiscard]] virtual bool needs_timer() const = 0;

  /// Makes doorbell() readable from any thread of this rank.
  virtual void interrupt() = 0;
};

}  // namespace mpx::detail
