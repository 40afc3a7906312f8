#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "core/unique_fd.hpp"
#include "mpx/detail/payload.hpp"

namespace mpx::detail {

/// What another process of the node needs to open a DirectRing: descriptors of the process that
/// made it, which are opened anew by way of /proc.
struct DirectOffer {
  std::uint64_t node = 0;  ///< which kernel and process namespace: see this_node()
  std::uint64_t token = 0;
  std::uint64_t memory_inode = 0, bell_inode = 0;
  std::int32_t pid = 0;
  std::int32_t memory = -1, bell = -1;
};

/// Wakes a process that sleeps: a pipe, of which others open the writing end.
class DirectBell {
 public:
  /// Throws LaunchError if there is no descriptor left.
  DirectBell();
  /// Readable after a ring.
  [[nodiscard]] int fd() const { return read_.get(); }
  void drain() const;

 private:
  friend class DirectRing;
  UniqueFd read_, write_;
};

/// One-way messages from one process to another of the same node, in shared memory; no third
/// process has a part in it. Either side may close it at any time, and a message has then either
/// been written, and the reader will find it, or write() has refused it.
///
/// Thread safety: one thread at a time writes, one reads; close() also between those.
/// Failure:       a length that no sound peer can have written throws TransportError.
/// Cost:          no system call but for waking a sleeping reader.
class DirectRing {
 public:
  static constexpr std::size_t kRingBytes = std::size_t{512} << 10;
  /// The largest message that it takes.
  static constexpr std::size_t kMostBytes = kRingBytes / 4;

  /// Makes one; who opens it rings `bell`. Throws LaunchError if there is no memory left.
  static std::unique_ptr<DirectRing> create(const DirectBell& bell);
  /// Opens what another process has made. Throws TransportError if that is not possible.
  static std::unique_ptr<DirectRing> open(const DirectOffer& offer);
  ~DirectRing();
  DirectRing(const DirectRing&) = delete;
  DirectRing& operator=(const DirectRing&) = delete;

  /// For open() in another process, as long as this one lives.
  [[nodiscard]] DirectOffer offer() const;

  /// Appends a message, and wakes the reader if it sleeps. False: it is closed, or has no room.
  bool write(ByteView message);
  /// The next message; nothing if there is none.
  std::optional<Bytes> read();
  [[nodiscard]] bool readable() const;
  /// No more messages will be written.
  void close();

  /// Before the reader sleeps, and before it looks at readable() a last time.
  void announce_sleep();
  void announce_awake();

 private:
  struct Header;

  explicit DirectRing(UniqueFd memory);
  void copy_in(std::uint64_t at, const void* from, std::size_t size);
  void copy_out(std::uint64_t at, void* to, std::size_t size) const;

  UniqueFd memory_;  // kept by the maker, for offer()
  UniqueFd bell_;    // of the writer
  int own_bell_ = -1;
  std::span<std::byte> mapping_;
  Header* header_ = nullptr;
  std::byte* data_ = nullptr;
  std::uint64_t read_ = 0;  // the reader's own
};

/// The same number in two processes that can open each other's descriptors; 0 if unknown.
std::uint64_t this_node();

}  // namespace mpx::detail
