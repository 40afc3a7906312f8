#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/unique_fd.hpp"
#include "mpx/detail/payload.hpp"

namespace mpx::detail {

/// One side of a two-way stream of bytes to another process, as frames need it (FrameReader,
/// FrameWriter). What it is made of decides how fast it is, and whether memory can be passed on it.
///
/// To sleep: announce_sleep(), look once more for what you wait for (bytes or room), then wait
/// until socket() is readable; afterwards announce_awake() and drain_doorbell(). After writing, and
/// after freeing room, call ring_if_asleep(). No wake-up is lost in this order.
///
/// Thread safety: one thread at a time writes, one reads, one sleeps.
/// Failure:       TransportError if the peer has broken the rules of the stream.
class ByteStream {
 public:
  virtual ~ByteStream() = default;

  /// Writes what there is room for, and returns how much that was; never blocks.
  virtual std::size_t write_some(ByteView bytes) = 0;
  /// Bytes that write_some() would take now.
  [[nodiscard]] virtual std::size_t room() const = 0;

  /// Reads what is there, at most `into.size()` bytes; never blocks.
  virtual std::size_t read_some(std::span<std::byte> into) = 0;
  [[nodiscard]] virtual bool readable() const = 0;

  /// Wakes the peer if it has announced that it sleeps.
  virtual void ring_if_asleep() = 0;
  virtual void announce_sleep() = 0;
  virtual void announce_awake() = 0;

  /// Becomes readable when the peer rings, or has sent a descriptor, and when the peer's end is closed.
  [[nodiscard]] virtual int socket() const = 0;
  /// Empties the doorbell. False if the peer's end is closed: there may still be bytes to read then.
  [[nodiscard]] virtual bool drain_doorbell() = 0;

  /// Sends a copy of a descriptor, with a number; the peer finds it when it reads what is written
  /// afterwards. False: not now, or never on this stream.
  [[nodiscard]] virtual bool send_descriptor(int /*fd*/, std::uint64_t /*note*/) { return false; }
  struct Descriptor {
    UniqueFd fd;
    std::uint64_t note = 0;
  };
  /// The next one that the peer has sent. Throws TransportError if there is none.
  [[nodiscard]] virtual Descriptor take_descriptor() = 0;
  /// So many may be sent that the peer has not taken.
  static constexpr std::size_t kMostDescriptors = 16;
  /// Where descriptors are sent: bytes written that the peer has not read.
  [[nodiscard]] virtual std::size_t unread() const { return 0; }

 protected:
  ByteStream() = default;
  ByteStream(ByteStream&&) = default;
  ByteStream& operator=(ByteStream&&) = default;
};

}  // namespace mpx::detail
