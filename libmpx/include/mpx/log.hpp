#pragma once

#include <string_view>

/// Lines for whoever watches the job, from the program's own code: multiprocessing.get_logger().
///
/// MPX_LOG=debug|info|warn|error|off (default warn) decides which appear. Each is one line on
/// stderr with time (UTC), level, rank, host, pid and process name, written by one write(2), so
/// that lines of many processes do not mix (below 4 KiB, where stderr is a pipe).
///
/// Thread safety: all, from any thread of any process, before mpx::run too.
/// Failure:       none; a line that cannot be written is dropped.
/// Cost:          one load and a branch where the level is off.
namespace mpx::log {

void debug(std::string_view message);
void info(std::string_view message);
void warn(std::string_view message);
void error(std::string_view message);

}  // namespace mpx::log
