#include "outcome.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <sstream>

#include "refusal.hpp"

namespace mpx::runner {

Completion parse_completion(const std::string& text) {
  Completion completion;
  std::istringstream lines(text.substr(0, text.rfind('\n') + 1));
  for (std::string line; std::getline(lines, line);) {
    int status = 0;
    if (line == "started") completion.started = true;
    if (std::sscanf(line.c_str(), "status %d", &status) == 1) completion.status = status & 0xff;
  }
  return completion;
}

Outcome judge(const JobEnd& end) {
  if (end.timed_out) return {timed_out, {}};
  if (end.signal) return {signal_base + *end.signal, {}};
  if (WIFSIGNALED(end.wait_status)) {
    const int signal = WTERMSIG(end.wait_status);
    return {signal_base + signal,
            fmt::format("mpirun was killed by signal {} ({}); the job has been ended", signal,
                        ::strsignal(signal))};
  }
  const int mpirun_status = WEXITSTATUS(end.wait_status);
  const Completion& completion = end.completion;
  // A failure after the body's end, in MPI_Finalize or in main, is a failure too.
  if (completion.status) return {*completion.status != 0 ? *completion.status : mpirun_status, {}};
  if (completion.started && mpirun_status == 0) {
    return {1,
            "the program did not come to its end, although mpirun reports success; a node or the "
            "connection to it was lost, or main left mpx::run early; look at the output above"};
  }
  // mpirun's own words on this get lost now and then.
  if (mpirun_status > signal_base && mpirun_status < signal_base + SIGRTMIN) {
    const int signal = mpirun_status - signal_base;
    return {mpirun_status, fmt::format("a rank was killed by signal {} ({}), which ended the job",
                                       signal, ::strsignal(signal))};
  }
  return {mpirun_status, {}};
}

}  // namespace mpx::runner
