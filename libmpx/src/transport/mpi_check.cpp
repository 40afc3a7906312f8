#include "transport/mpi_check.hpp"

#include <mpi.h>

#include <string>

#include "mpx/error.hpp"

namespace mpx::detail {

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) [[likely]]
    return;
  char text[MPI_MAX_ERROR_STRING + 1] = "";
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) length = 0;
  throw TransportError(std::string(call) + " failed: " +
                       (length > 0 ? std::string(text, static_cast<std::size_t>(length))
                                   : "MPI error " + std::to_string(code)));
}

}  // namespace mpx::detail
