#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "facts.hpp"
#include "hosts.hpp"
#include "node_facts.hpp"

namespace mpx::runner {

/// How a job of mpx-probe ended.
struct ProbeEnd {
  enum class How { not_run, fine, failed, timed_out };
  How how = How::not_run;
  int status = 0;                              ///< the launcher's
  std::string words;                           ///< what it said of its failure
  std::string step;                            ///< the last that was begun
  std::map<std::string, std::string> answers;  ///< "threads" to "2", …
};

/// All that the doctor found out, gathered before it is judged, so that judging is pure.
struct DoctorFacts {
  std::string mpirun;          ///< full path
  std::string mpirun_trouble;  ///< why there is none that can be used
  std::string mpi_version;     ///< as mpirun prints it
  Version version;
  std::string launcher;       ///< "mpirun" or "srun"
  std::string plan_trouble;   ///< why a job cannot be planned
  std::string probe_trouble;  ///< why there is no mpx-probe
  std::string host_name;
  std::vector<Host> hosts;              ///< asked for; none: this machine
  std::vector<std::string> unresolved;  ///< of them, on this machine
  std::chrono::milliseconds limit{};    ///< of each probe
  ProbeEnd node_probe;
  ProbeEnd mpi_probe;
  ProbeEnd words_probe;
  bool messages_carry = false;   ///< libmpx works with MPX_WORDS=messages, where it fails without
  std::vector<NodeFacts> nodes;  ///< one a rank; if none could be started, this machine alone
  std::map<std::string, std::string> lost;  ///< hosts that a job on them alone does not reach, why
  std::optional<std::string> srun_mpi_types;  ///< what srun --mpi=list says; none: no srun
  std::string srun_trouble;                   ///< why it says nothing
  bool pmix_fence = false;                    ///< the user has chosen one (srun_settings())
};

enum class Level { ok, warn, bad };

/// One line of the doctor's table.
struct Row {
  Level level = Level::ok;
  std::string check;
  std::string found;
  std::string advice = {};  ///< what to do about it; empty if it is ok
};

/// Judges the launcher, MPI and libmpx between the nodes.
[[nodiscard]] std::vector<Row> check_job(const DoctorFacts& facts);

/// Judges the nodes themselves: limits, shared memory, folders.
[[nodiscard]] std::vector<Row> check_nodes(const DoctorFacts& facts);

/// Reads the lines that mpx-probe prints; `end.how` must be set.
void read_answers(const std::string& text, ProbeEnd& end);

/// The rows as an aligned table, and a last line that counts.
[[nodiscard]] std::string to_table(const std::vector<Row>& rows);

}  // namespace mpx::runner
