#pragma once

#include <sys/types.h>

#include <chrono>
#include <vector>

namespace mpx::detail {

/// The calling process's children, adopted ones and zombies included. May miss some while others
/// end. The caller has one thread.
std::vector<pid_t> children_of_self();

/// Kills and reaps all descendants of the calling process, which is a subreaper, has one thread and
/// blocks SIGCHLD. Returns false if some are left at the end of `limit`: those the kernel holds.
bool kill_descendants(std::chrono::milliseconds limit);

}  // namespace mpx::detail
