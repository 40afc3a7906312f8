#pragma once

namespace mpx::detail {

/// Throws TransportError with the call's name and MPI's own text unless `code` is MPI_SUCCESS.
void check(int code, const char* call);

}  // namespace mpx::detail
