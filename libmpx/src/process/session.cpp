#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <set>
#include <string>

#include "core/forks.hpp"
#include "core/heap.hpp"
#include "core/log.hpp"
#include "core/remote_exception.hpp"
#include "core/throw_trace.hpp"
#include "endpoint/surroundings.hpp"
#include "mpx/detail/session_core.hpp"
#include "mpx/error.hpp"
#include "process/child_main.hpp"
#include "process/job.hpp"
#include "processes/stop_signal.hpp"
#include "transport/host_mpi.hpp"
#include "transport/mca_defaults.hpp"
#include "transport/mpi_library.hpp"
#include "wire/headers.hpp"

namespace mpx::detail {
namespace {

/// Between Sessions; a Session has it on loan.
std::unique_ptr<Spawner> prepared;
bool on_loan = false;

std::atomic<bool> taken = false;  // by a Session of this rank

/// This rank's one Session, if it is the first to ask.
class Turn {
 public:
  Turn() : mine_(!taken.exchange(true)) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    if (mine_) taken = false;
  }
  [[nodiscard]] bool mine() const { return mine_; }

 private:
  bool mine_;
};

constexpr Purpose kServes{Kind::session_over, {}, true};

/// Why this rank cannot take part; empty if it can.
std::string trouble_of(const Turn& turn) {
  if (!turn.mine()) return "another Session is active";
  try {
    Job::check_settings();
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

/// Returns when all ranks are here. All find the same: the first that cannot take part.
MpiSession agree(int communicator, const std::string& trouble) {
  auto session =
      MpiSession::adopt(communicator, kPatience,
                        trouble.empty() ? "" : "; and then there is none, since here " + trouble);
  const auto troubles = session.all_gather(trouble);
  for (std::size_t rank = 0; rank < troubles.size(); ++rank) {
    if (!troubles[rank].empty())
      throw UsageError(fmt::format("no Session: on rank {} {}", rank, troubles[rank]));
  }
  return session;
}

/// Straight to stderr, whatever MPX_LOG says.
void say(const std::string& text) {
  std::cout.flush();
  std::fflush(nullptr);
  static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
}

}  // namespace

struct SessionCore::State {
  explicit State(int communicator)
      : session(agree(communicator, trouble_of(turn))),
        rank(session->rank()),
        size(session->size()) {
    const bool has = prepared != nullptr;
    job.emplace(*session, std::move(prepared));
    on_loan = has;
    for (int other = 1; rank == 0 && other < size; ++other) awaited.insert(other);
    job->client()->set_handler([this](Frame&& frame) MPX_REQUIRES(client_mutex) { on(frame); });
    job->client()->calls().warn_after(kPatience);
    job->client()->waits().drive_in_passing();
    if (!session->serialized()) job->keep_to_this_thread();
    at_finalize.emplace([this] { end_in_finalize(); });
    note_surroundings({});
  }

  /// News of the other ranks.
  void on(const Frame& frame) MPX_REQUIRES(client_mutex) {
    const auto& header = frame.header;
    if (header.kind == Kind::session_over) over = true;
    if (header.kind == Kind::session_left) awaited.erase(header.from.rank().number());
    if (header.kind != Kind::session_serves || job->client()->placement().home_or(-1) >= 0) return;
    // One is enough to know. Rank 0 hears of all, and tells the others of the first.
    job->client()->placement().set_serving_rank(static_cast<int>(header.call));
    for (int other = 1; rank == 0 && other < size; ++other)
      job->runtime().route(news(Kind::session_serves, other, header.call));
  }

  [[nodiscard]] Frame news(Kind kind, int to, std::uint64_t about) const {
    auto header = to_rank(kind, to, ProcessId(rank, 0));
    header.call = about;
    return make_frame(header, {});
  }

  void tell(Kind kind, int to) {
    const ClientLock guard(job->client()->mutex());
    job->runtime().route(news(kind, to, static_cast<std::uint64_t>(rank)));
    job->runtime().flush();
  }

  [[nodiscard]] Job& running() {
    if (!job)
      throw UsageError("a Session is used that has ended, by MPI_Finalize: end it before that");
    return *job;
  }

  void serve() {
    if (rank == 0)
      throw UsageError("serve() on rank 0, which would wait for its own end: it is for the others");
    static_cast<void>(running());
    if (!serves.exchange(true)) tell(Kind::session_serves, 0);
    wait_until(kServes, [this]() MPX_REQUIRES(client_mutex) { return over; });
  }

  template <class Ready>
  bool wait_until(const Purpose& purpose, Ready ready, Deadline deadline = Deadline::never()) {
    const ClientLock lock(job->client()->mutex());
    return job->client()->waits().wait(deadline, purpose, ready);
  }

  /// Rank 0 at its end: until the others have come to theirs.
  void await_others() {
    const auto all_here = [this]() MPX_REQUIRES(client_mutex) { return awaited.empty(); };
    const Purpose ending{Kind::session_left};
    if (wait_until(ending, all_here, Deadline::after(kPatience))) return;
    std::string missing;
    {
      const ClientLock guard(job->client()->mutex());
      for (const int other : awaited) {
        missing += fmt::format("{}rank {} on host {}", missing.empty() ? "" : ", ", other,
                               job->runtime().host(other));
      }
    }
    log_warn("at the end of the Session rank 0 has waited {} s for {}, still in it; still waiting",
             kPatience.count(), missing);
    wait_until(ending, all_here);
  }

  /// Another rank at its end: serves on until rank 0 has come to its own.
  void await_rank_0() {
    const auto here = [this]() MPX_REQUIRES(client_mutex) {
      return over || job->runtime().shutting_down();
    };
    if (wait_until(kServes, here, Deadline::after(kPatience))) return;
    log_warn(
        "at the end of the Session rank {} has waited {} s for rank 0 on host {}, still in it; "
        "still waiting, and serving",
        rank, kPatience.count(), job->runtime().host(0));
  }

  /// The collective end. Nobody stops to serve before all have come, since objects and processes of
  /// one rank may be in use by another.
  void end() {
    job->await_children();
    if (rank == 0) {
      for (int other = 1; other < size; ++other) tell(Kind::session_over, other);
      await_others();
      job->finish();
    } else {
      tell(Kind::session_left, 0);
      await_rank_0();
      job->client()->end_waits();  // two threads that drive would take each other's wake-ups
      job->serve();
    }
    job->drain();
    prepared = job->release_spawner();
    on_loan = false;
    job.reset();
    at_finalize.reset();
    session.reset();
  }

  /// At the end of its scope, or in MPI_Finalize. Others may wait for this rank, so what goes wrong
  /// ends the job.
  void end_or_abort() {
    try {
      end();
    } catch (...) {
      abort(fmt::format("at the end of the Session: {}", describe(std::current_exception())));
    }
  }

  /// MPI works for the last time, and the other ranks may be at the end of the Session already.
  void end_in_finalize() {
    if (is_forked_copy()) return;
    say(
        fmt::format("mpx: rank {} (pid {}): MPI_Finalize is called while a Session is alive, which "
                    "ends it: let its scope end before\n",
                    rank, ::getpid()));
    end_or_abort();
  }

  [[noreturn]] void abort(const std::string& why) {
    say(fmt::format("mpx: rank {} (pid {}): {}; the job is aborted\n", rank, ::getpid(), why));
    session->abort(1);
  }

  const int unwinding = std::uncaught_exceptions();
  const RecordThrows record;
  const Turn turn;
  std::optional<MpiSession> session;
  const int rank;
  const int size;
  std::atomic<bool> serves = false;
  const ReportSignal report_signal;
  std::optional<Job> job;  // until the end
  std::optional<FinalizeHook> at_finalize;
  bool over MPX_GUARDED_BY(client_mutex) = false;      // rank 0 has come to its end
  std::set<int> awaited MPX_GUARDED_BY(client_mutex);  // on rank 0: others that have not
};

void SessionCore::prepare() {
  if (prepared || on_loan) return;
  if (MpiSession::mpi_is_initialised()) {
    throw UsageError(
        "mpx::prepare() is called after MPI_Init: call it before, since processes forked later "
        "would share MPI's connections");
  }
  prepared = ForkServer::start(child_main);
  set_message_defaults(mpi_version());
  note_surroundings({});
}

void SessionCore::require_mpi() {
  if (Client::exists() && !taken) {
    throw UsageError(
        "a Session is made inside mpx::run, or in a process that libmpx has started: objects of "
        "libmpx are used there as they are");
  }
  if (!MpiSession::mpi_is_initialised() || MpiSession::mpi_is_finalised())
    throw UsageError("a Session needs MPI: make it after MPI_Init, and end it before MPI_Finalize");
}

SessionCore::SessionCore(int communicator) : state_(std::make_unique<State>(communicator)) {
  keep_freed_memory();  // without prepare() nobody has
}

SessionCore::~SessionCore() {
  if (is_forked_copy()) {  // the Session is not its
    static_cast<void>(state_.release());
    return;
  }
  auto& state = *state_;
  if (!state.job) return;  // MPI_Finalize has ended it
  if (std::uncaught_exceptions() > state.unwinding) {
    state.abort(fmt::format(
        "an exception leaves the scope of the Session, and others may wait for this rank for ever: "
        "{}",
        describe_last_throw()));
  }
  state.end_or_abort();
}

int SessionCore::rank() const { return state_->rank; }
int SessionCore::size() const { return state_->size; }
void SessionCore::serve() { state_->serve(); }

void SessionCore::progress() {
  // Not every round looks at everything.
  constexpr int kRounds = 8;  // each is two looks
  auto& client = *state_->running().client();
  const ClientLock lock(client.mutex());
  for (int round = 0; round < kRounds; ++round)
    client.waits().wait(Deadline::now(), {}, [] { return false; });
}

}  // namespace mpx::detail
