#pragma once

/// For programs that initialise MPI themselves: the only header of libmpx that includes <mpi.h>.
/// Such a program links MPI itself.

#include <mpi.h>

#include "mpx/detail/session_core.hpp"
#include "mpx/rank.hpp"

namespace mpx {

/// Prepares this program to start Processes and Pools in its Sessions: forks the process from which
/// they are forked later. To be called before MPI_Init, first thing in main, by each rank that
/// shall run processes; they see the program's globals as they are now. Without it
/// Process::start() throws UsageError, and all else works. A second call does nothing. It also sets
/// the parameters by which Open MPI's messages cost less (in Open MPI 4: opal_event_include=epoll, or
/// rank 0 pays for each connection whenever it looks), unless you have set them.
///
/// Throws UsageError after MPI_Init; LaunchError if the program has several threads already.
inline void prepare() { detail::SessionCore::prepare(); }

/// libmpx on the ranks of a communicator, while the program itself runs on all of them. From its
/// construction to its end, every rank may use all of libmpx as the body of mpx::run may.
///
/// Construction and destruction are collective; who waits in them for long says so. The
/// communicator's errors, attributes and tags are left alone: a Session has communicators of its
/// own. One Session at a time on a rank; another one may follow, and other ranks may have theirs.
///
/// Threads:  for MPI's thread levels a call of libmpx counts as a call of MPI: below
///           MPI_THREAD_SERIALIZED only the thread that initialised MPI may make any (others get
///           UsageError), at MPI_THREAD_SERIALIZED one thread at a time is in MPI or in libmpx.
///           Nothing happens behind the program's back: no thread is started, and MPI is called
///           from inside calls of libmpx only.
/// Progress: so the objects that live on a rank (queues on rank 0, pipes and locks where they were
///           made), named(), and the processes of a rank are served while that rank waits in a call
///           of libmpx; one that computes for long calls progress() now and then, and where it has
///           to wait for MPI, too: for (int done = 0; !done; session.progress()) MPI_Test(…).
///           To block in MPI instead may be to wait for a rank that waits for this one.
/// End:      the destructor of each rank joins the processes that this rank has started, and serves
///           on until all ranks have come to theirs. It throws nothing: what goes wrong is printed,
///           and the job is aborted. MPI_Finalize ends a Session that is still alive in the same
///           way, and prints a complaint. If an exception leaves the scope of a Session on some rank,
///           others may wait for that rank for ever: it prints the exception, and aborts the job.
class Session {
 public:
  /// Takes part with the ranks of `communicator` (a boost::mpi::communicator converts to it).
  /// Throws, on all ranks, UsageError if another Session is active on any of them, or an MPX_…
  /// variable is wrong; LaunchError if they do not run the same build, or their node has too little
  /// shared memory; TransportError. The program may go on after that, and try again.
  explicit Session(MPI_Comm communicator) : core_(handle_of(communicator)) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] Rank rank() const { return core_.rank(); }
  [[nodiscard]] int size() const { return core_.size(); }

  /// Blocks, asleep while there is nothing to do, until the Session on rank 0 ends: for a rank
  /// whose processes and objects are all that counts. New queues, locks and values of other ranks
  /// live here from then on. Throws UsageError on rank 0.
  void serve() { core_.serve(); }

  /// Does what is to be done now, and returns.
  void progress() { core_.progress(); }

 private:
  static MPI_Fint handle_of(MPI_Comm communicator) {
    detail::SessionCore::require_mpi();
    return MPI_Comm_c2f(communicator);
  }

  detail::SessionCore core_;
};

}  // namespace mpx
