#include "mpx/detail/callable.hpp"

#include "mpx/error.hpp"

namespace mpx::detail {

void throw_null_function() {
  throw UsageError("cannot send a null function pointer to another process");
}

void throw_no_thunk() {
  throw CodecError("cannot decode a function: its token names something else");
}

}  // namespace mpx::detail
