#pragma once

#include "processes/spawner.hpp"

namespace mpx::detail {

/// What a process forked by the fork server runs: connects to its worker, calls the function that it
/// was started with (or serves its pool), and returns the exit status.
int child_main(Birth birth);

}  // namespace mpx::detail
