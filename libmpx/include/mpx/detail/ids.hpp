#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "mpx/rank.hpp"

namespace mpx::detail {

/// Job-wide name of a process, never reused: the rank that supervises it and a serial number there.
/// Serial 0 is the code that runs inside the rank itself.
class ProcessId {
 public:
  constexpr ProcessId() = default;
  constexpr ProcessId(Rank rank, std::uint64_t serial)
      : value_((static_cast<std::uint64_t>(rank.number()) << kSerialBits) | serial) {}

  static constexpr ProcessId from_value(std::uint64_t value) {
    ProcessId id;
    id.value_ = value;
    return id;
  }

  /// What the homes on a rank count references as.
  static constexpr ProcessId homes_of(Rank rank) {
    return {rank, (std::uint64_t{1} << kSerialBits) - 1};
  }

  [[nodiscard]] constexpr Rank rank() const { return static_cast<int>(value_ >> kSerialBits); }
  [[nodiscard]] constexpr std::uint64_t serial() const {
    return value_ & ((std::uint64_t{1} << kSerialBits) - 1);
  }
  [[nodiscard]] constexpr bool is_rank() const { return serial() == 0; }
  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }

  friend constexpr auto operator<=>(ProcessId, ProcessId) = default;

 private:
  static constexpr int kSerialBits = 36;  // 2^36 processes a rank, 2^26 ranks (two bits to spare)
  std::uint64_t value_ = 0;
};

/// Job-wide name of a shared object, never reused: its home, who made it, and the maker's count.
struct ObjectId {
  std::int32_t home = -1;
  std::uint32_t serial = 0;
  ProcessId maker;

  [[nodiscard]] bool empty() const { return home < 0; }
  friend auto operator<=>(const ObjectId&, const ObjectId&) = default;
};

/// A reference to an object in flight: in a message that has not been decoded yet. `counter` is who
/// had the object's home count it.
struct Reference {
  ObjectId object;
  ProcessId counter;

  friend auto operator<=>(const Reference&, const Reference&) = default;
};

/// Where a word lives, as a handle carries it.
struct WordPlace {
  std::int32_t home = -1;
  std::uint32_t slot = 0;
};

std::string to_string(ProcessId id);
std::string to_string(const ObjectId& id);

}  // namespace mpx::detail

template <>
struct std::hash<mpx::detail::ProcessId> {
  std::size_t operator()(mpx::detail::ProcessId id) const noexcept {
    return std::hash<std::uint64_t>{}(id.value());
  }
};

template <>
struct std::hash<mpx::detail::ObjectId> {
  std::size_t operator()(const mpx::detail::ObjectId& id) const noexcept {
    const auto mix = id.maker.value() * 0x9E3779B97F4A7C15u + id.serial;
    return mix ^ (static_cast<std::size_t>(id.home) << 48);
  }
};
