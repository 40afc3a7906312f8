#pragma once

#include "options.hpp"

namespace mpx::runner {

/// Checks what a job with these options needs, with small jobs of mpx-probe on its nodes, and prints
/// a table on stdout. Returns 1 if a check is bad, else 0.
[[nodiscard]] int run_doctor(const Options& options);

}  // namespace mpx::runner
