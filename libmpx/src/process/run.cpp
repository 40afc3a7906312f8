#include "mpx/run.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <thread>

#include "core/forks.hpp"
#include "core/log.hpp"
#include "core/remote_exception.hpp"
#include "core/throw_trace.hpp"
#include "endpoint/surroundings.hpp"
#include "mpx/error.hpp"
#include "process/child_main.hpp"
#include "process/completion.hpp"
#include "process/job.hpp"
#include "process/report.hpp"
#include "processes/start_conditions.hpp"
#include "processes/stop_signal.hpp"

namespace mpx::detail {
namespace {

/// Everything that mpx::run owns, torn down in reverse order; MPI last.
class Program {
 public:
  Program(int& argc, char**& argv)
      : fork_server_(ForkServer::start(child_main)), library_(argc, argv), session_(library_) {
    install_rank_handlers(library_.launched(), session_.rank() == 0, completion_is_noted());
    if (session_.rank() != 0) held_.release();  // there is no user's code to be spared
    // Open MPI 5 leaves ranks behind when mpirun is killed.
    if (library_.launched()) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
      job_.emplace(session_, std::move(fork_server_));
    } catch (...) {
      give_up(std::current_exception());
    }
    if (session_.rank() != 0) return;
    held_.listen();
    job_->client()->waits().add_own_thread();
  }

  [[nodiscard]] Job& job() { return *job_; }

  /// Rank 0 at the end of the body.
  void finish(int status) {
    job_->finish();
    std::fflush(nullptr);
    mark_status(status);
  }

 private:
  /// The ranks do not fit together: says so, and ends all of them.
  [[noreturn]] void give_up(const std::exception_ptr& why) const {
    try {
      std::rethrow_exception(why);
    } catch (const LaunchError&) {
      // Every rank has found the same; rank 0 says it, and the others let it.
      if (session_.rank() != 0) std::this_thread::sleep_for(std::chrono::seconds(1));
    } catch (...) {
      std::fprintf(stderr, "mpx: rank %d cannot start: ", session_.rank());
    }
    std::fprintf(stderr, "mpx: %s\n", describe(why).c_str());
    session_.abort(1);
  }

  std::unique_ptr<Spawner> fork_server_;
  HeldRequests held_;  // from MPI's threads, too
  MpiLibrary library_;
  MpiSession session_;
  std::optional<Job> job_;
};

Program* program = nullptr;  // not destroyed with the static objects: copies by fork() have it, too

// A line of up to PIPE_BUF bytes is one write, so that processes that share a terminal, as those of a
// rank do under mpirun, do not tear each other's lines; the C library's buffer is smaller there.
void keep_lines_whole() {
  static char buffer[PIPE_BUF];
  if (::isatty(STDOUT_FILENO) == 1) std::setvbuf(stdout, buffer, _IOLBF, sizeof buffer);
}

void end_program() {
  if (!is_forked_copy()) delete std::exchange(program, nullptr);
}

std::recursive_mutex ending;  // it is recursive for an exit() in a callback while the job ends
bool job_ended = false;       // guarded by ending
std::atomic<bool> exits = false;

/// Ends the job in good order. False if another thread has done so: by exit(), for the thread of the
/// body, which therefore must not return.
bool finish(int status) {
  const std::lock_guard guard(ending);
  if (std::exchange(job_ended, true)) return false;
  program->finish(status);
  end_program();
  return true;
}

// The program has called exit() in the body: the job ends in good order all the same.
void on_exit_of_body(int status, void* /*unused*/) {
  if (is_forked_copy()) return;
  exits = true;
  try {
    finish(status);
  } catch (const std::exception& error) {
    log_error("at exit: {}", error.what());
  }
}

int run_body(int argc, char** argv, const std::function<int(std::span<char*>)>& body) {
  auto& job = program->job();
  const auto client = job.client();
  job.start_background();
  note_surroundings({});
  ::on_exit(on_exit_of_body, nullptr);
  int status = 0;
  try {
    const RecordThrows record;
    const auto skip = std::min(argc, 1);
    status = body(std::span<char*>(argv + skip, static_cast<std::size_t>(argc - skip)));
  } catch (...) {
    std::cout.flush();
    // Another thread's exit() ends the waits of this one.
    if (!exits) report_exception(std::current_exception(), *client);
    status = 1;
  }
  if (is_forked_copy()) return status;
  while (!finish(status)) ::pause();
  return status;
}

}  // namespace

int run(int argc, char** argv, const std::function<int(std::span<char*>)>& body) {
  if (program) {
    std::fputs("mpx: mpx::run is called a second time; call it once, in main\n", stderr);
    return 1;
  }
  int status = 0;
  try {
    take_completion_path();  // while there is one thread
    keep_lines_whole();
    allow_relied_on_signals();
    // Launchers send USR1 and USR2 on to every rank: their default action would end it.
    install_rank_handlers(false, false);
    program = new Program(argc, argv);
    if (program->job().rank() == 0) {
      mark("started");
      status = run_body(argc, argv, body);
    } else {
      program->job().serve();
      end_program();
    }
  } catch (...) {
    const auto text = fmt::format("mpx: {}\n", describe(std::current_exception()));
    static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
    status = 1;
    end_program();
  }
  return status;
}

}  // namespace mpx::detail
