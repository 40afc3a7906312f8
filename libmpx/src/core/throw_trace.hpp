#pragma once

#include <string>

namespace mpx::detail {

/// While one exists, each throw of the calling thread records its stack, for capture().
///
/// To be held around a call of user code. Nests.
/// Cost:          nothing unless something is thrown; then a walk of at most 32 frames, a few µs.
///                Names are looked up by backtrace_of() only.
class RecordThrows {
 public:
  RecordThrows() noexcept;
  RecordThrows(const RecordThrows&) = delete;
  RecordThrows& operator=(const RecordThrows&) = delete;
  ~RecordThrows();
};

/// The stack at the throw of the exception object at `thrown`, one frame a line ("#0 function+0x1f
/// (module)"), if it is among the last that this thread recorded; else empty.
std::string backtrace_of(const void* thrown);

/// What this thread threw last, with type, text and stack: for a destructor that finds itself
/// called by an exception, which it cannot see. Only while a RecordThrows exists.
std::string describe_last_throw();

}  // namespace mpx::detail
