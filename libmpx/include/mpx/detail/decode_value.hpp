#pragma once

#include "mpx/detail/core.hpp"
#include "mpx/detail/encode.hpp"

namespace mpx::detail {

/// The value in `payload`, which must hold exactly one. Throws CodecError, naming both types if
/// they differ; the payload is whole then.
template <class T>
T decode_value(Payload& payload) {
  if (payload.handles.empty()) return decode<T>(payload.bytes);
  Incoming incoming(payload);
  try {
    return decode<T>(payload.bytes);
  } catch (const CodecError&) {
    incoming.keep();
    throw;
  }
}

}  // namespace mpx::detail
