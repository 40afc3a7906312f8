#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "transport/transport.hpp"
#include "transport/words.hpp"

namespace mpx::detail {

/// Initialises MPI for the life of the program and finalises it at the end: what mpx::run owns.
///
/// Names no MPI type, so that the layers above need no mpi.h.
///
/// Failure:       an exception that leaves the scope of a MpiLibrary aborts the job, since the
///                other ranks would wait in MPI_Finalize for ever.
class MpiLibrary {
 public:
  /// Sets the MCA parameters that libmpx needs, where the user has not set them, and initialises
  /// MPI at MPI_THREAD_SERIALIZED. Throws LaunchError if MPI does not give that level, UsageError
  /// if it is initialised already.
  MpiLibrary(int& argc, char**& argv);
  MpiLibrary(const MpiLibrary&) = delete;
  MpiLibrary& operator=(const MpiLibrary&) = delete;
  /// Finalises MPI; collective.
  ~MpiLibrary();

  /// Whether a launcher (mpirun, srun) started this program; if not, it is alone.
  [[nodiscard]] bool launched() const { return launched_; }

 private:
  class Environment;
  std::unique_ptr<Environment> environment_;
  bool launched_;
};

/// The ranks that take part, as a private duplicate of a communicator whose errors are returned.
///
/// Ownership: transports and words made here use the duplicate and must be destroyed before it.
/// Failure:       throws TransportError.
class MpiSession {
 public:
  /// All ranks of the job. Collective.
  explicit MpiSession(const MpiLibrary& library);
  /// The ranks of a host program's communicator, named by MPI_Comm_c2f(). Collective; leaves the
  /// host's communicator as it is. MPI must be initialised. Throws UsageError where
  /// the calling thread may not use it, and for what is no communicator of one group. Who has
  /// waited for other ranks for `patience` says so, with `note` at the end.
  static MpiSession adopt(int fortran_handle, std::chrono::seconds patience,
                          const std::string& note);
  /// Throws LaunchError if a variable of the environment that this class reads is wrong.
  static void check_settings();
  static bool mpi_is_initialised();
  static bool mpi_is_finalised();
  MpiSession(MpiSession&&) noexcept;
  MpiSession& operator=(MpiSession&&) = delete;
  /// Collective.
  ~MpiSession();

  [[nodiscard]] int rank() const;
  [[nodiscard]] int size() const;

  /// Whether any thread may call MPI, one at a time (MPI_THREAD_SERIALIZED or more).
  [[nodiscard]] bool serialized() const;

  /// The text of every rank, in order of rank. Collective; for start-up only.
  [[nodiscard]] std::vector<std::string> all_gather(const std::string& text) const;

  /// Waits until every rank is here. Spins; for start-up and shut-down only. Collective.
  void barrier() const;

  /// Frames between these ranks. Its construction and destruction are collective.
  [[nodiscard]] std::unique_ptr<Transport> make_transport() const;

  /// Atomic words, MPX_WORDS_PER_RANK or 65536 a rank, by the carrier that MPX_WORDS names or that
  /// suits the nodes. Its construction and destruction are collective. Throws the same on every
  /// rank: LaunchError, TransportError.
  [[nodiscard]] std::unique_ptr<Words> make_words() const;

  /// Ends all ranks of the job.
  [[noreturn]] void abort(int status) const;

 private:
  struct Communicator;
  explicit MpiSession(std::unique_ptr<Communicator> communicator);
  std::unique_ptr<Communicator> communicator_;
};

}  // namespace mpx::detail
