#include <fmt/format.h>

#include <algorithm>

#include "mpx/detail/buffer.hpp"
#include "mpx/detail/codec_values.hpp"
#include "mpx/detail/encode.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {

// Grown by hand: std::vector with an allocator of its own would move its bytes one by one.
void Writer::grow(std::size_t size) {
  Bytes larger;
  larger.reserve(std::max(bytes_.size() + size, 2 * bytes_.capacity()));
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

void throw_bad_tag(const char* what, std::uint64_t tag) {
  throw CodecError(fmt::format("cannot decode: {} as {}; the data is damaged", tag, what));
}

void throw_valueless() {
  throw CodecError("cannot encode a std::variant that is valueless by an exception");
}

void throw_null_text() {
  throw UsageError("cannot encode a null const char*: it would travel as a std::string");
}

void throw_wrong_type(std::uint64_t sent, std::string_view wanted) {
  throw CodecError(
      fmt::format("cannot decode a value of type {} as {}: the receiver must ask for "
                  "the type that was sent",
                  type_of_fingerprint(sent), wanted));
}

void throw_trailing(std::size_t left, std::string_view type) {
  throw CodecError(fmt::format(
      "cannot decode a value of type {}: {} bytes are left over; the data is damaged", type, left));
}

}  // namespace mpx::detail
