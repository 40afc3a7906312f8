#pragma once

#include <string>

namespace mpx::detail {

/// Where rank 0 notes its course for mpx-run, if that has named a file (MPX_COMPLETION). Takes the
/// variable out of the environment: a job that the body starts is another one.
void take_completion_path();

/// True if it has.
[[nodiscard]] bool completion_is_noted();

/// Adds a line to it: "started". Returns whether it could.
bool mark(const std::string& line);

/// Adds "status N": the body has ended, in good order. If this process then exits with another status
/// than 0, mpx-run gets that by way of the file ("exit N"), and mpirun a 0. It takes anything else for
/// an accident: it tells the other ranks to end, waits, and kills them, which takes 2 s. A parent
/// that is not mpx-run's launcher, a shell say, gets the status as it is.
void mark_status(int status);

/// Hands mpx-run a text on what is unfinished, to print if the job does not come to its end: what a
/// rank prints in its last second, mpirun does not always pass on. Without mpx-run on this machine
/// it goes to stderr.
void report_unfinished(const std::string& text);

}  // namespace mpx::detail
