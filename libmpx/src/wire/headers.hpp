#pragma once

#include "core/frame.hpp"
#include "wire/kinds.hpp"

namespace mpx::detail {

/// Headers of what wants no answer, and of answers.

/// To the home of `object`.
inline FrameHeader to_home(Kind kind, const ObjectId& object, ProcessId from = {}) {
  FrameHeader header;
  header.kind = kind;
  header.from = from;
  header.object = object;
  return header;
}

/// To a process, from an object or none.
inline FrameHeader to_process(Kind kind, ProcessId to, const ObjectId& object = {},
                              std::uint16_t status = 0) {
  FrameHeader header;
  header.kind = kind;
  header.status = status;
  header.to = to;
  header.object = object;
  return header;
}

/// To the service of a rank, or to the code that runs inside it.
inline FrameHeader to_rank(Kind kind, int rank, ProcessId from = {}) {
  FrameHeader header;
  header.kind = kind;
  header.from = from;
  header.to = ProcessId(rank, 0);
  return header;
}

/// The answer to `request`.
inline FrameHeader to_caller(const FrameHeader& request, Status status) {
  auto header =
      to_process(Kind::reply, request.from, request.object, static_cast<std::uint16_t>(status));
  header.call = request.call;
  return header;
}

/// The header of a frame that counts a reference in flight: `call` says whose count it is.
inline FrameHeader count_header(Kind kind, const Reference& reference) {
  auto header = to_home(kind, reference.object);
  header.call = reference.counter.value();
  return header;
}
inline Reference counted_reference(const FrameHeader& header) {
  return {header.object, ProcessId::from_value(header.call)};
}

}  // namespace mpx::detail
