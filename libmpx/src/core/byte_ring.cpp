#include "core/byte_ring.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "mpx/error.hpp"

namespace mpx::detail {

ByteRing::ByteRing(Control& control, std::span<std::byte> data)
    : control_(&control),
      data_(data),
      written_(control.written.load(std::memory_order_acquire)),
      read_(control.read.load(std::memory_order_acquire)) {
  if (!std::has_single_bit(data.size())) {
    throw TransportError(
        fmt::format("a ring of {} bytes: its size must be a power of two", data.size()));
  }
}

std::size_t ByteRing::checked(std::uint64_t written, std::uint64_t read) const {
  const std::uint64_t used = written - read;
  if (used > data_.size()) {
    throw TransportError(fmt::format(
        "the shared memory of a channel is corrupt: {} bytes written, {} read, in a ring of {}; "
        "the process at its other end has written out of bounds",
        written, read, data_.size()));
  }
  return static_cast<std::size_t>(used);
}

std::size_t ByteRing::room() const {
  return data_.size() - checked(written_, control_->read.load(std::memory_order_acquire));
}

std::span<std::byte> ByteRing::reserve() const {
  const auto start = offset(written_);
  return data_.subspan(start, std::min(room(), data_.size() - start));
}

void ByteRing::commit(std::size_t count) {
  written_ += count;
  control_->written.store(written_, std::memory_order_release);
}

std::size_t ByteRing::write_some(ByteView bytes) {
  const auto count = std::min(bytes.size(), room());
  if (count == 0) return 0;
  const auto start = offset(written_);
  const auto first = std::min(count, data_.size() - start);
  std::memcpy(data_.data() + start, bytes.data(), first);
  if (count > first) std::memcpy(data_.data(), bytes.data() + first, count - first);
  commit(count);
  return count;
}

std::size_t ByteRing::available() const {
  return checked(control_->written.load(std::memory_order_acquire), read_);
}

ByteView ByteRing::peek() const {
  const auto start = offset(read_);
  return data_.subspan(start, std::min(available(), data_.size() - start));
}

void ByteRing::consume(std::size_t count) {
  read_ += count;
  control_->read.store(read_, std::memory_order_release);
}

std::size_t ByteRing::read_some(std::span<std::byte> into) {
  const auto count = std::min(into.size(), available());
  if (count == 0) return 0;
  const auto start = offset(read_);
  const auto first = std::min(count, data_.size() - start);
  std::memcpy(into.data(), data_.data() + start, first);
  if (count > first) std::memcpy(into.data() + first, data_.data(), count - first);
  consume(count);
  return count;
}

}  // namespace mpx::detail
