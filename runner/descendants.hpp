#pragma once

namespace mpx::runner {

/// Kills every descendant of this process, which must be a subreaper, and reaps them. Blocks until
/// none is left, or for at most half a second (a process in uninterruptible sleep stays).
void end_descendants();

}  // namespace mpx::runner
