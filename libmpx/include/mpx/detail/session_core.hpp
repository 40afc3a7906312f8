#pragma once

#include <memory>

namespace mpx::detail {

/// What stands behind a Session; names no MPI type.
class SessionCore {
 public:
  static void prepare();
  /// Throws UsageError before MPI_Init and after MPI_Finalize.
  static void require_mpi();

  /// `communicator` as from MPI_Comm_c2f(). Collective.
  explicit SessionCore(int communicator);
  /// Collective. Aborts the job while an exception unwinds the stack.
  ~SessionCore();
  SessionCore(const SessionCore&) = delete;
  SessionCore& operator=(const SessionCore&) = delete;

  [[nodiscard]] int rank() const;
  [[nodiscard]] int size() const;
  void serve();
  void progress();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mpx::detail
