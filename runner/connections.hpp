#pragma once

#include <sys/types.h>

#include <chrono>

namespace mpx::runner {

/// Has the TCP connections that a process has now break off when what it sent is not acknowledged for
/// so long (TCP_USER_TIMEOUT). TCP's keepalive alone does not notice a link that is silently cut: it
/// sends nothing as long as earlier data waits for its acknowledgement, which TCP repeats for a quarter of an
/// hour.
///
/// The process must be a child of the caller's, of the same user. Where the system does not let the caller at
/// its sockets (Linux before 5.6, some containers) nothing changes. Returns how many connections it set.
int limit_unacknowledged(pid_t process, std::chrono::milliseconds limit);

}  // namespace mpx::runner
