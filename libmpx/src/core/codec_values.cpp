#include "mpx/detail/codec_values.hpp"

#include <fmt/format.h>

#include "mpx/error.hpp"

namespace mpx::detail {

void throw_bad_tag(const char* what, std::uint64_t tag) {
  throw CodecError(fmt::format("cannot decode: {} as {}; the data is damaged", tag, what));
}

void throw_valueless() {
  throw CodecError("cannot encode a std::variant that is valueless by an exception");
}

}  // namespace mpx::detail
