#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "mpx/detail/payload.hpp"

namespace mpx::detail {

/// One side's view of a stream of bytes through shared memory, with one writer and one reader.
///
/// Each side keeps its own index to itself and only publishes it; of the shared memory it believes
/// nothing but the other side's index, and that only within bounds.
///
/// Ordering:      what was written before bytes are seen by read_some() is visible to the reader.
/// Thread safety: one writing and one reading thread, in two processes or in one.
/// Failure:       an index that no sound peer can have written throws TransportError.
class ByteRing {
 public:
  /// The indices: bytes ever written and bytes ever read. Lies zeroed in shared memory.
  struct Control {
    alignas(64) std::atomic<std::uint64_t> written;
    alignas(64) std::atomic<std::uint64_t> read;
  };
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

  ByteRing() = default;
  /// The capacity is the size of `data`, a power of two.
  ByteRing(Control& control, std::span<std::byte> data);

  [[nodiscard]] std::size_t capacity() const { return data_.size(); }

  /// Writes as much of `bytes` as there is room for, and returns how much that was.
  std::size_t write_some(ByteView bytes);
  /// Bytes that write_some() would take now.
  [[nodiscard]] std::size_t room() const;
  /// The room up to the end of the buffer, to be filled in place; empty if there is none.
  [[nodiscard]] std::span<std::byte> reserve() const;
  /// Publishes the first `count` bytes of reserve().
  void commit(std::size_t count);

  /// Reads at most `into.size()` bytes, and returns how many.
  std::size_t read_some(std::span<std::byte> into);
  /// Bytes that can be read now.
  [[nodiscard]] std::size_t available() const;
  /// The bytes that can be read in place, up to the end of the buffer; empty if there are none.
  [[nodiscard]] ByteView peek() const;
  /// Frees the first `count` bytes of peek() (or of available()).
  void consume(std::size_t count);

 private:
  [[nodiscard]] std::size_t checked(std::uint64_t written, std::uint64_t read) const;
  [[nodiscard]] std::size_t offset(std::uint64_t index) const {
    return static_cast<std::size_t>(index) & (data_.size() - 1);
  }

  Control* control_ = nullptr;
  std::span<std::byte> data_;
  std::uint64_t written_ = 0;  // the writer's own index
  std::uint64_t read_ = 0;     // the reader's own index
};

}  // namespace mpx::detail
