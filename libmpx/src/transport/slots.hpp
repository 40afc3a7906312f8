#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace mpx::detail {

/// Which words of a rank's part of the window are free. The last one given back is the next taken,
/// and words never used stay untouched, so that their memory need not exist.
class Slots {
 public:
  explicit Slots(std::uint32_t capacity) : capacity_(capacity) {}

  /// A free slot; nothing if all are taken.
  std::optional<std::uint32_t> take();
  /// Throws UsageError if `slot` is not taken.
  void give_back(std::uint32_t slot);

  [[nodiscard]] std::uint32_t used() const {
    return fresh_ - static_cast<std::uint32_t>(free_.size());
  }
  [[nodiscard]] std::uint32_t capacity() const { return capacity_; }

 private:
  std::uint32_t capacity_;
  std::uint32_t fresh_ = 0;  // slots from here on were never taken
  std::vector<std::uint32_t> free_;
  std::vector<bool> taken_;  // of the slots below fresh_
};

}  // namespace mpx::detail
