#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ranks/random/program.hpp"

namespace mpx_random {

struct Verdict {
  std::vector<std::string> faults;  // in words
  std::string log;                  // what every actor did, if there are any
};

/// Runs a program on the ranks of this job and compares what it did with the model. One that hangs
/// is described on stderr, and ends the job.
Verdict try_program(std::uint64_t seed, unsigned omit, int ranks);

}  // namespace mpx_random
