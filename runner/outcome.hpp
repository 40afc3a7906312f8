#pragma once

#include <optional>
#include <string>
#include <vector>

namespace mpx::runner {

/// What a libmpx program has written of its own course: "started" when mpx::run begins, "status N"
/// when its body has ended, "exit N" when it is about to exit with N, but with 0 for the launcher,
/// "report" and "unfinished TEXT" when it is told to end before that. Other programs write nothing.
struct Completion {
  bool started = false;
  std::optional<int> status = {};
  std::optional<int> exit = {};
  std::string unfinished = {};  ///< what it left undone, in lines, when it was ended
};

/// Reads the lines of a completion file; an unfinished last line counts as not written.
[[nodiscard]] Completion parse_completion(const std::string& text);

/// How a job came to its end, as seen from outside.
struct JobEnd {
  int wait_status = 0;             ///< of mpirun, as from waitpid
  std::optional<int> signal = {};  ///< mpx-run got this signal and ended the job
  bool timed_out = false;
  Completion completion = {};
  std::string lost_node = {};           ///< that mpirun has named; empty: none
  std::vector<std::string> nodes = {};  ///< of the job, where they are known
  bool cannot_execute = false;          ///< as mpirun has said, a node the program
  bool output_is_lost = false;          ///< some of it could not be written, as has been said
};

struct Outcome {
  int status = 0;
  std::string message;  ///< empty: nothing to say
};

/// The exit status of mpx-run. mpirun's own is no proof of success (5.0 gives 0 when a node dies),
/// so a program that has started must also have completed. One that completed when SIGTERM asked it
/// to stop has its own status; the time limit always gives 124. Success with lost output is none.
[[nodiscard]] Outcome judge(const JobEnd& end);

}  // namespace mpx::runner
