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
#include "core/byte_stream.hpp"
#include "core/unique_fd.hpp"

namespace mpx::detail {

/// What the other side of a channel needs to open it; travels by SCM_RIGHTS.
struct ChannelFds {
  UniqueFd memory;
  UniqueFd socket;
};

/// A stream between two processes of a node: a ring for each direction in shared memory, and a socket
/// that wakes a sleeping peer, carries descriptors, and shows the peer's death.
///
/// Failure:       TransportError if the peer has scribbled over the indices; never a SIGBUS.
/// Cost:          no system call but for waking a sleeping peer.
class Channel final : public ByteStream {
 public:
  enum class Side : std::uint8_t { worker, child };

  /// Makes a channel and returns its worker's side. `ring_bytes`, for each direction, is rounded up
  /// to a power of two. Throws LaunchError if there is no memory or no descriptor left.
  static std::pair<Channel, ChannelFds> create(std::size_t ring_bytes, std::size_t scratch_bytes);

  /// Opens one side. Throws TransportError if `fds` are not those of a channel.
  Channel(Side side, ChannelFds fds);

  Channel(Channel&&) = default;
  Channel& operator=(Channel&&) = default;

  std::size_t write_some(ByteView bytes) override { return out_.write_some(bytes); }
  [[nodiscard]] std::size_t room() const override { return out_.room(); }
  /// Room to be filled in place, of which commit() publishes the first bytes.
  [[nodiscard]] std::span<std::byte> reserve() const { return out_.reserve(); }
  void commit(std::size_t count) { out_.commit(count); }

  std::size_t read_some(std::span<std::byte> into) override { return in_.read_some(into); }
  [[nodiscard]] bool readable() const override { return in_.available() > 0; }
  /// Received bytes in place, of which consume() frees the first; more may follow at a wrap-around.
  [[nodiscard]] ByteView peek() const { return in_.peek(); }
  void consume(std::size_t count) { in_.consume(count); }

  void ring_if_asleep() override;
  void announce_sleep() override;
  void announce_awake() override;

  [[nodiscard]] bool send_descriptor(int fd, std::uint64_t note) override;
  [[nodiscard]] Descriptor take_descriptor() override;
  [[nodiscard]] std::size_t unread() const override { return out_.capacity() - out_.room(); }

  [[nodiscard]] int socket() const override { return socket_.get(); }
  /// A process that the peer forked may hold the peer's end open beyond its death.
  [[nodiscard]] bool drain_doorbell() override;

  /// Shared memory of the size given to create(), zeroed at first, 64-byte aligned, the same bytes
  /// on both sides. It survives the peer's death; what a peer wrote there is to be validated.
  [[nodiscard]] std::span<std::byte> scratch() const { return scratch_; }

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
