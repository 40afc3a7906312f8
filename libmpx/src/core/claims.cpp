#include "core/claims.hpp"

namespace mpx::detail {
namespace {

constexpr int kBits = 26;
constexpr std::uint64_t kMask = (std::uint64_t{1} << kBits) - 1;
constexpr std::uint64_t kEpochMask = 0xFFF;

struct Parts {
  std::uint64_t epoch, limit, next;
};
Parts split(std::uint64_t word) {
  return {word >> (2 * kBits), (word >> kBits) & kMask, word & kMask};
}
std::uint64_t join(Parts parts) {
  return ((parts.epoch & kEpochMask) << (2 * kBits)) | (parts.limit << kBits) | parts.next;
}

}  // namespace

std::optional<ClaimStamp> ClaimWord::extend(std::uint16_t slot, std::uint32_t count) {
  auto word = word_.load(std::memory_order_relaxed);
  while (true) {
    auto parts = split(word);
    // The process has taken all: start the numbers again, long before they run out.
    if (parts.next == parts.limit && parts.next > kMask / 2) parts = {parts.epoch + 1, 0, 0};
    if (count > kMask - parts.limit) return std::nullopt;
    const auto first = parts.limit;
    parts.limit += count;
    if (word_.compare_exchange_weak(word, join(parts), std::memory_order_acq_rel)) {
      return ClaimStamp{slot, static_cast<std::uint16_t>(parts.epoch & kEpochMask),
                        static_cast<std::uint32_t>(first), count};
    }
  }
}

std::uint32_t ClaimWord::revoke() {
  auto word = word_.load(std::memory_order_relaxed);
  while (true) {
    const auto parts = split(word);
    const auto next = (parts.epoch + 1) & kEpochMask;
    if (next == seen_.load(std::memory_order_acquire)) return 0;
    if (word_.compare_exchange_weak(word, join({next, 0, 0}), std::memory_order_acq_rel)) {
      return static_cast<std::uint32_t>(parts.limit - parts.next);
    }
  }
}

bool ClaimWord::take(std::uint16_t epoch, std::uint32_t number) {
  auto word = word_.load(std::memory_order_relaxed);
  seen_.store(epoch, std::memory_order_release);  // all older units have been looked at
  while (true) {
    auto parts = split(word);
    if (parts.epoch != epoch || number != parts.next || number >= parts.limit) return false;
    parts.next += 1;
    if (word_.compare_exchange_weak(word, join(parts), std::memory_order_acq_rel)) break;
  }
  taken_.fetch_add(1, std::memory_order_release);
  return true;
}

void ClaimWord::reset_taken() {
  taken_.store(0, std::memory_order_release);
  seen_.store(static_cast<std::uint32_t>(split(word_.load(std::memory_order_acquire)).epoch),
              std::memory_order_release);
}

}  // namespace mpx::detail
