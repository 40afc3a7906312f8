#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "core/frame.hpp"
#include "core/unique_fd.hpp"

namespace mpx::detail {

// Large bytes lie in *segments*: memory that processes of a node hand to each other, each a memfd that is
// reserved in full and cannot shrink, so that no access to it ever fails. A segment has one owner, who
// alone may write to it. It is given away with the bytes in it, or lent: then it comes back to nobody,
// but whoever finds that the bytes are its own for good may keep the segment (take_over).
//
// New pages cost more than all copies of what is in them. So an owner keeps a segment that is free for
// its next large bytes, and who has given one away keeps the mapping, as it may come back. A process
// that dies takes nothing along: a segment lasts as long as somebody maps it or it is on its way.
//
// A process has segments for a quarter of its descriptors; beyond, as where there are none to be had,
// large bytes are in private memory, and are copied on their way.
//
// Thread safety: all functions.

/// Where bytes lie in a segment.
struct SegmentPlace {
  int fd = -1;  ///< stays the segment's
  std::uint64_t offset = 0;
  bool own = false;  ///< whether it may be given away
};

/// The segment that these bytes lie in, if there is one.
[[nodiscard]] std::optional<SegmentPlace> find_segment(ByteView bytes);

/// Says that another process has been sent the segment of these bytes: given, where nobody here holds
/// them beside the caller, else lent. This process will not use it again. Returns which, as it stands
/// in the header of the frame (kLargeGiven, kLargeLent).
[[nodiscard]] std::uint64_t pass_segment(const Large& bytes);

/// Says that nobody else reads the lent segment of these bytes any more.
void take_over_segment(ByteView bytes);

/// `size` bytes from `offset` on of another process's segment; `own`: it is this process's from now on.
/// Where this process has too many descriptors, a copy. Throws TransportError if there are no such
/// bytes, or what it is cannot be trusted not to shrink; std::bad_alloc. `fd` stays with who throws.
[[nodiscard]] Bytes receive_segment(UniqueFd&& fd, std::uint64_t offset, std::uint64_t size,
                                    bool own);

/// `size` bytes that are in no segment, so that no memory is reserved for them before they come.
[[nodiscard]] Bytes private_bytes(std::size_t size);

/// A free segment that holds `size` bytes and not much more, for another process to use.
[[nodiscard]] std::optional<Bytes> spare_segment(std::size_t size);
/// The same: one that this process has had for longest, if it has more than one.
[[nodiscard]] std::optional<Bytes> surplus_segment();

/// For tests: how many segments this process has that are in use, and that are kept.
struct SegmentCounts {
  std::size_t used = 0, free = 0, given = 0;
};
[[nodiscard]] SegmentCounts segment_counts();
/// For tests: forgets all that is kept.
void drop_kept_segments();

}  // namespace mpx::detail
