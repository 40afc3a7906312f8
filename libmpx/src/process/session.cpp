#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <set>
#include <string>

#include "core/log.hpp"
#include "core/remote_exception.hpp"
#include "core/throw_trace.hpp"
#include "mpx/detail/session_core.hpp"
#include "mpx/error.hpp"
#include "process/child_main.hpp"
#include "process/job.hpp"

namespace mpx::detail {
namespace {

/// Between Sessions; a Session has it on loan.
std::optional<Template> prepared;

/// All ranks find the same: the first rank that has a reason not to take part.
void agree(const MpiSession& session, const std::string& trouble) {
  const auto troubles = session.all_gather(trouble);
  for (std::size_t rank = 0; rank < troubles.size(); ++rank) {
    if (!troubles[rank].empty())
      throw UsageError(fmt::format("no Session: on rank {} {}", rank, troubles[rank]));
  }
}

}  // namespace

struct SessionCore::State {
  explicit State(int communicator) : session(MpiSession::adopt(communicator)) {
    agree(session, Client::exists() ? "mpx::run or another Session is active" : "");
    job.emplace(session, std::move(prepared));
    for (int rank = 1; job->rank() == 0 && rank < job->size(); ++rank) awaited.insert(rank);
    job->client()->set_handler([this](Frame&& frame) { on(frame); });
    if (!session.serialized()) job->keep_to_this_thread();
  }

  /// News of the ranks' ends; called under the client's mutex.
  void on(const Frame& frame) {
    if (frame.header.kind == Kind::session_over) over = true;
    if (frame.header.kind == Kind::session_left) awaited.erase(frame.header.from.rank().number());
  }

  void tell(Kind kind, int rank) {
    const std::lock_guard guard(job->client()->mutex());
    FrameHeader header;
    header.kind = kind;
    header.from = job->client()->self().id;
    header.to = ProcessId(rank, 0);
    job->runtime().route(make_frame(header, {}));
    job->runtime().flush();
  }

  template <class Ready>
  bool wait_until(Ready ready, Deadline deadline = Deadline::never()) {
    std::unique_lock lock(job->client()->mutex());
    return job->client()->wait(lock, deadline, ready);
  }

  /// Rank 0 at its end: until the others have come to theirs.
  void await_others() {
    const auto all_here = [this] { return awaited.empty(); };
    if (wait_until(all_here, Deadline::after(kPatience))) return;
    std::string missing;
    {
      const std::lock_guard guard(job->client()->mutex());
      for (const int rank : awaited) {
        missing += fmt::format("{}rank {} on host {}", missing.empty() ? "" : ", ", rank,
                               job->runtime().host(rank));
      }
    }
    log_warn("at the end of the Session rank 0 has waited {} s for {}, still in it; still waiting",
             kPatience.count(), missing);
    wait_until(all_here);
  }

  /// Another rank at its end: serves on until rank 0 has come to its own.
  void await_rank_0() {
    const auto here = [this] { return over || job->runtime().shutting_down(); };
    if (wait_until(here, Deadline::after(kPatience))) return;
    log_warn(
        "at the end of the Session rank {} has waited {} s for rank 0 on host {}, still in it; "
        "still waiting, and serving",
        job->rank(), kPatience.count(), job->runtime().host(0));
  }

  /// The collective end. Nobody stops to serve before all have come, since objects and processes of
  /// one rank may be in use by another.
  void end() {
    job->await_children();
    if (job->rank() == 0) {
      for (int rank = 1; rank < job->size(); ++rank) tell(Kind::session_over, rank);
      await_others();
      job->finish();
    } else {
      tell(Kind::session_left, 0);
      await_rank_0();
      job->serve();
    }
    job->drain();
    prepared = job->release_template();
    job.reset();
  }

  [[noreturn]] void abort(const std::string& why) {
    std::cout.flush();
    std::fflush(nullptr);
    const auto text = fmt::format("mpx: rank {} (pid {}): {}\n", session.rank(), ::getpid(), why);
    static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
    session.abort(1);
  }

  const int unwinding = std::uncaught_exceptions();
  const RecordThrows record;
  MpiSession session;
  std::optional<Job> job;
  // guarded by the client's mutex
  bool over = false;      // rank 0 has come to its end
  std::set<int> awaited;  // on rank 0: others that have not
};

void SessionCore::prepare() {
  if (prepared) return;
  if (MpiSession::mpi_is_initialised()) {
    throw UsageError(
        "mpx::prepare() is called after MPI_Init: call it before, since processes forked later "
        "would share MPI's connections");
  }
  prepared = Template::start(child_main);
}

void SessionCore::require_mpi() {
  if (!MpiSession::mpi_is_initialised() || MpiSession::mpi_is_finalised())
    throw UsageError("a Session needs MPI: make it after MPI_Init, and end it before MPI_Finalize");
}

SessionCore::SessionCore(int communicator) : state_(std::make_unique<State>(communicator)) {}

SessionCore::~SessionCore() {
  auto& state = *state_;
  if (MpiSession::mpi_is_finalised()) {
    std::fputs("mpx: a Session outlives MPI_Finalize: end it before; it is left as it is\n",
               stderr);
    static_cast<void>(state_.release());  // its end would call MPI
    return;
  }
  if (std::uncaught_exceptions() > state.unwinding) {
    state.abort(fmt::format(
        "an exception leaves the scope of the Session, and others may wait for this rank for ever: "
        "the job is aborted; {}",
        describe_last_throw()));
  }
  try {
    state.end();
    state_.reset();
  } catch (...) {
    state.abort(fmt::format("at the end of the Session: {}; the job is aborted",
                            describe(std::current_exception())));
  }
}

int SessionCore::rank() const { return state_->session.rank(); }
int SessionCore::size() const { return state_->session.size(); }

void SessionCore::serve() {
  if (rank() == 0)
    throw UsageError("serve() on rank 0, which would wait for its own end: it is for the others");
  state_->wait_until([this] { return state_->over; });
}

void SessionCore::progress() {
  // Not every round looks at everything.
  constexpr int kRounds = 16;
  auto& client = *state_->job->client();
  std::unique_lock lock(client.mutex());
  for (int round = 0; round < kRounds; ++round)
    client.wait(lock, Deadline::now(), [] { return false; });
}

}  // namespace mpx::detail
