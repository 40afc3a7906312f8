#include "outcome.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <sstream>

#include "refusal.hpp"

namespace mpx::runner {

Completion parse_completion(const std::string& text) {
  constexpr std::string_view kUnfinished = "unfinished ";
  Completion completion;
  std::istringstream lines(text.substr(0, text.rfind('\n') + 1));
  for (std::string line; std::getline(lines, line);) {
    int status = 0;
    if (line == "started") completion.started = true;
    if (line == "report") completion.unfinished.clear();  // a newer one
    if (line.starts_with(kUnfinished)) {
      completion.unfinished += line.substr(kUnfinished.size()) + "\n";
    }
    if (std::sscanf(line.c_str(), "status %d", &status) == 1) completion.status = status & 0xff;
    if (std::sscanf(line.c_str(), "exit %d", &status) == 1) completion.exit = status & 0xff;
  }
  return completion;
}

namespace {

// What 4.1 returns when a node is lost; 5.0 returns 0.
bool is_loss(int mpirun_status) {
  return mpirun_status == 0 || mpirun_status == 205 || mpirun_status == 255;
}

std::string lost(const JobEnd& end) {
  if (!end.lost_node.empty()) {
    return fmt::format("node {} was lost, or the connection to it, which ended the job",
                       end.lost_node);
  }
  constexpr std::size_t kMost = 8;
  const auto last =
      end.nodes.begin() + static_cast<std::ptrdiff_t>(std::min(kMost, end.nodes.size()));
  const auto names = fmt::format("{}{}", fmt::join(end.nodes.begin(), last, ", "),
                                 end.nodes.size() > kMost ? ", …" : "");
  return fmt::format(
      "the program did not come to its end{}; a node{} or the connection to it was lost, or main "
      "left mpx::run early; look at the output above",
      WEXITSTATUS(end.wait_status) == 0 ? ", although mpirun reports success" : "",
      end.nodes.size() > 1 ? fmt::format(" ({})", names) : "");
}

Outcome judge_job(const JobEnd& end) {
  if (end.timed_out) return {timed_out, {}};
  const bool stopped_itself = end.signal == SIGTERM && end.completion.status;
  if (end.signal && !stopped_itself) return {signal_base + *end.signal, {}};
  if (WIFSIGNALED(end.wait_status)) {
    const int signal = WTERMSIG(end.wait_status);
    return {signal_base + signal,
            fmt::format("mpirun was killed by signal {} ({}); the job has been ended", signal,
                        ::strsignal(signal))};
  }
  const int mpirun_status = WEXITSTATUS(end.wait_status);
  const Completion& completion = end.completion;
  if (completion.exit && mpirun_status == 0) return {*completion.exit, {}};
  // A failure after the body's end, in MPI_Finalize or in main, is a failure too.
  if (completion.status) return {*completion.status != 0 ? *completion.status : mpirun_status, {}};
  if (!end.lost_node.empty() || (completion.started && is_loss(mpirun_status))) {
    return {mpirun_status == 0 ? 1 : mpirun_status, lost(end)};
  }
  if (end.cannot_execute) return {not_executable, {}};
  // mpirun's own words on this get lost now and then.
  if (mpirun_status > signal_base && mpirun_status < signal_base + SIGRTMIN) {
    const int signal = mpirun_status - signal_base;
    return {mpirun_status, fmt::format("a rank was killed by signal {} ({}), which ended the job",
                                       signal, ::strsignal(signal))};
  }
  return {mpirun_status, {}};
}

}  // namespace

Outcome judge(const JobEnd& end) {
  Outcome outcome = judge_job(end);
  if (end.output_is_lost && outcome.status == 0) outcome.status = 1;
  return outcome;
}

}  // namespace mpx::runner
