#pragma once

#include <fmt/format.h>

#include <atomic>
#include <string>
#include <string_view>
#include <utility>

#include "mpx/rank.hpp"

namespace mpx::detail {

enum class LogLevel : int { unread, debug, info, warn, error, off };

/// Lines below this level are dropped; `unread` until MPX_LOG has been looked at.
extern std::atomic<LogLevel> log_threshold;

/// Names this process in its log lines; `process_name` may be empty. Lines before the first call
/// say no rank and the name that gethostname() gives. A forked child calls it again.
void set_log_identity(Rank rank, const std::string& host, const std::string& process_name);

/// Level named by `text` as in MPX_LOG; `unread` if it is none.
LogLevel parse_log_level(std::string_view text);

/// Writes a line if `level` is on. Newlines in `message` appear as "\n".
void log_line(LogLevel level, std::string_view message) noexcept;

inline bool log_enabled(LogLevel level) {
  return log_threshold.load(std::memory_order_relaxed) <= level;
}

template <class... Args>
void log_format(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(level)) [[unlikely]] {
    log_line(level, fmt::format(format, std::forward<Args>(args)...));
  }
}

/// log_debug("{} frames", n): formats only if the level is on. `unread` passes here and is settled
/// in log_line().
template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  log_format(LogLevel::debug, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_format(LogLevel::info, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
  log_format(LogLevel::warn, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_format(LogLevel::error, format, std::forward<Args>(args)...);
}

}  // namespace mpx::detail
