#pragma once

namespace mpx::detail {

/// Has glibc's malloc keep up to 64 MiB of freed memory, in blocks of up to 32 MiB, instead of giving
/// it back to the system at once: with messages of a MiB the page faults of the next block would take
/// two thirds of the time. Does nothing where the user has tuned malloc by the environment, and nothing
/// elsewhere than in glibc. Processes forked afterwards inherit it.
void keep_freed_memory();

}  // namespace mpx::detail
