#pragma once

#include <string>

#include "mpx/detail/payload.hpp"
#include "wire/kinds.hpp"

namespace mpx::detail {

/// An answer to a call.
struct Reply {
  Status status = Status::ok;
  Payload payload;

  /// Throws what it says, unless that is ok or no; `what` is the beginning of the message.
  void check(const std::string& what) const;
};

}  // namespace mpx::detail
