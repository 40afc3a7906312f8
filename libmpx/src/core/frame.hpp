#pragma once

#include <cstdint>
#include <utility>

#include "mpx/detail/payload.hpp"

namespace mpx::detail {

enum class Kind : std::uint16_t;  // the wire vocabulary: wire/kinds.hpp

/// Fixed part of every message between processes; a plain copy of it stands on the wire.
struct FrameHeader {
  Kind kind{};
  std::uint16_t status = 0;   ///< of a reply: wire::Status; else free for the kind
  std::uint32_t handles = 0;  ///< References that stand behind the bytes of the payload
  ProcessId from;
  ProcessId to;  ///< kinds for a home: only its rank counts
  ObjectId object;
  std::uint64_t call = 0;    ///< pairs a reply with its request
  std::uint64_t length = 0;  ///< bytes of the body
  std::uint64_t large = 0;   ///< bytes of the large part, which follows
};
static_assert(sizeof(FrameHeader) == 64);

/// In `large` of a header on its way: the large part does not follow, it is in a segment that has been
/// given to the receiver or lent to it (core/segments.hpp).
inline constexpr std::uint64_t kLargeGiven = std::uint64_t{1} << 63;
inline constexpr std::uint64_t kLargeLent = std::uint64_t{1} << 62;
inline constexpr std::uint64_t kLargeInSegment = kLargeGiven | kLargeLent;
/// The rest of it: the size, less than 2^40, and between ranks the number of the segment.
inline constexpr int kLargeNumberShift = 40;
inline constexpr std::uint64_t kLargeNumbers = std::uint64_t{1} << 20;
inline constexpr std::uint64_t kLargeSizeMask = (std::uint64_t{1} << kLargeNumberShift) - 1;

/// One message. The body is the payload's bytes, then its handle list. A large payload is not in it but
/// beside it; where a home or a worker has more to say, that stands in the body, in front of it.
struct Frame {
  FrameHeader header;
  Bytes body;
  Large large = {};
};

}  // namespace mpx::detail
