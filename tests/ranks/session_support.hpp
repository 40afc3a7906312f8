#pragma once

#include <mpi.h>

#include <mpx/error.hpp>
#include <string>

namespace mpx_session_test {

/// Whether main has called mpx::prepare().
extern bool prepared;

inline int world_rank() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}
inline int world_size() {
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}
inline int thread_level() {
  int level = 0;
  MPI_Query_thread(&level);
  return level;
}

/// What the UsageError says that `action` throws.
template <class Action>
std::string usage_text(Action action) {
  try {
    action();
  } catch (const mpx::UsageError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace mpx_session_test
