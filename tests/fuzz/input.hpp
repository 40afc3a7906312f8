#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace mpx::fuzz {

/// A fuzzer's bytes, as choices.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  std::uint8_t byte() { return rest_.empty() ? std::uint8_t{0} : bytes(1).front(); }
  /// A number below `count`.
  std::size_t below(std::size_t count) { return byte() % count; }
  /// So many, or what there is.
  std::span<const std::uint8_t> bytes(std::size_t count) {
    const auto front = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(front.size());
    return front;
  }

 private:
  std::span<const std::uint8_t> rest_;
};

}  // namespace mpx::fuzz
