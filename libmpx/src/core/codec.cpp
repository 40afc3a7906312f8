#include "mpx/detail/codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "mpx/detail/buffer.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {

// Grown by hand: std::vector with an allocator of its own would move its bytes one by one.
void Writer::grow(std::size_t size) {
  Bytes larger;
  const auto most = bytes_.capacity();  // of large bytes, all is reserved
  larger.reserve(std::max(bytes_.size() + size, most < kLargeBytes ? 2 * most : most + most / 2));
  larger.resize(bytes_.size());
  if (!bytes_.empty()) std::memcpy(larger.data(), bytes_.data(), bytes_.size());
  bytes_ = std::move(larger);
}

void throw_too_short(std::size_t wanted, std::size_t left) {
  throw CodecError(fmt::format(
      "cannot decode: {} bytes are needed and {} are left; the data is cut short or damaged",
      wanted, left));
}

void throw_bad_length(std::uint64_t length, std::size_t left) {
  throw CodecError(fmt::format(
      "cannot decode: a length of {} with only {} bytes left; the data is damaged", length, left));
}

}  // namespace mpx::detail
