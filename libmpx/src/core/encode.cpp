#include "mpx/detail/encode.hpp"

#include <fmt/format.h>

#include "mpx/error.hpp"

namespace mpx::detail {

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
