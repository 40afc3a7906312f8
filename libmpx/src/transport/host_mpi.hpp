#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace mpx::detail {

/// Waits until every rank of the host's communicator, named by MPI_Comm_c2f(), is here; who has
/// waited for `patience` says so, once, with `note` at the end. Collective, by a nonblocking
/// barrier: no message that the host could see, and little of the processor.
void await_ranks(int fortran_handle, std::chrono::seconds patience, const std::string& note);

/// Has a function called at the beginning of MPI_Finalize, while MPI still works: by an attribute
/// of MPI_COMM_SELF, the way that the MPI standard gives libraries. Its key is known to nobody else.
class FinalizeHook {
 public:
  explicit FinalizeHook(std::function<void()> action);
  FinalizeHook(const FinalizeHook&) = delete;
  FinalizeHook& operator=(const FinalizeHook&) = delete;
  /// From now on MPI_Finalize calls nothing.
  ~FinalizeHook();

  /// Called by MPI.
  void fire();

 private:
  std::function<void()> action_;  // empty: it has been called, or must not be
  int key_ = 0;
};

}  // namespace mpx::detail
