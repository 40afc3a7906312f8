#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "core/byte_ring.hpp"
#include "core/unique_fd.hpp"
#include "mpx/detail/payload.hpp"

namespace mpx::detail {

/// What the other side of a channel needs to open it; travels by SCM_RIGHTS.
struct ChannelFds {
  UniqueFd memory;
  UniqueFd socket;
};

/// One side of a two-way stream of bytes between two processes of a node: a ring for each direction
/// in shared memory, and a socket that wakes a sleeping peer and shows its death.
///
/// To sleep: announce_sleep(), look once more for what you wait for (bytes or room), then wait
/// until socket() is readable; afterwards announce_awake() and drain_doorbell(). After writing, and
/// after freeing room, call ring_if_asleep(). No wake-up is lost in this order.
///
/// Thread safety: one thread at a time writes, one reads, one sleeps.
/// Failure:       TransportError if the peer has scribbled over the indices; never a SIGBUS.
/// Cost:          no system call but for waking a sleeping peer.
class Channel {
 public:
  enum class Side : std::uint8_t { worker, child };

  /// Makes a channel and returns its worker's side. `ring_bytes`, for each direction, is rounded up
  /// to a power of two. Throws LaunchError if there is no memory or no descriptor left.
  static std::pair<Channel, ChannelFds> create(std::size_t ring_bytes, std::size_t scratch_bytes);

  /// Opens one side. Throws TransportError if `fds` are not those of a channel.
  Channel(Side side, ChannelFds fds);

  Channel(Channel&&) = default;
  Channel& operator=(Channel&&) = default;

  /// Writes what there is room for, and returns how much that was; never blocks.
  std::size_t write_some(ByteView bytes) { return out_.write_some(bytes); }
  /// Bytes that write_some() would take now.
  [[nodiscard]] std::size_t room() const { return out_.room(); }
  /// Room to be filled in place, of which commit() publishes the first bytes.
  [[nodiscard]] std::span<std::byte> reserve() const { return out_.reserve(); }
  void commit(std::size_t count) { out_.commit(count); }

  /// Reads what is there, at most `into.size()` bytes; never blocks.
  std::size_t read_some(std::span<std::byte> into) { return in_.read_some(into); }
  [[nodiscard]] bool readable() const { return in_.available() > 0; }
  /// Received bytes in place, of which consume() frees the first; more may follow at a wrap-around.
  [[nodiscard]] ByteView peek() const { return in_.peek(); }
  void consume(std::size_t count) { in_.consume(count); }

  /// Wakes the peer if it has announced that it sleeps: one system call then, none otherwise.
  void ring_if_asleep();
  void announce_sleep();
  void announce_awake();

  /// Sends a copy of a descriptor, with a number; the peer finds it when it reads what is written
  /// afterwards. False: not now.
  [[nodiscard]] bool send_descriptor(int fd, std::uint64_t note);
  struct Descriptor {
    UniqueFd fd;
    std::uint64_t note = 0;
  };
  /// The next one that the peer has sent. Throws TransportError if there is none.
  [[nodiscard]] Descriptor take_descriptor();
  /// So many may be sent that the peer has not taken.
  static constexpr std::size_t kMostDescriptors = 16;

  /// Becomes readable when the peer rings, or has sent a descriptor, and when the peer's end is closed.
  [[nodiscard]] int socket() const { return socket_.get(); }
  /// Empties the doorbell. False if the peer's end is closed: then the ring may still hold bytes.
  /// A process that the peer forked may hold that end open beyond the peer's death.
  [[nodiscard]] bool drain_doorbell();

  /// Shared memory of the size given to create(), zeroed at first, 64-byte aligned, the same bytes
  /// on both sides. It survives the peer's death; what a peer wrote there is to be validated.
  [[nodiscard]] std::span<std::byte> scratch() const { return scratch_; }

  /// Bytes of each direction's ring.
  [[nodiscard]] std::size_t ring_bytes() const { return out_.capacity(); }

 private:
  struct Header;

  /// Owns the mapping.
  class Mapping {
   public:
    explicit Mapping(int memory);
    Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    Mapping& operator=(Mapping&& other) noexcept {
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Mapping();
    [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

   private:
    std::span<std::byte> bytes_;
  };

  Mapping mapping_;
  UniqueFd socket_;
  std::atomic<std::uint32_t>* asleep_ = nullptr;       // ours
  std::atomic<std::uint32_t>* peer_asleep_ = nullptr;  // theirs
  ByteRing out_;
  ByteRing in_;
  std::span<std::byte> scratch_;
  std::deque<Descriptor> descriptors_;  // received, not taken
  std::string trouble_;                 // why no more are
};

}  // namespace mpx::detail
