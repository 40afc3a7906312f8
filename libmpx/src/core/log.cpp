#include "core/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>

#include "mpx/log.hpp"

namespace mpx::detail {

std::atomic<LogLevel> log_threshold{LogLevel::unread};

namespace {

/// Who writes the lines. Replaced as a whole, and the replaced ones are kept, so that a line may be
/// written at any time, without a lock that a fork could leave taken.
struct Identity {
  std::string before_pid;  // the pid is asked for with every line, since a fork changes it
  std::string after_pid;
  const Identity* previous;
};
std::atomic<const Identity*> identity{nullptr};

std::string local_host() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return name;
}

/// The calendar by arithmetic: gmtime_r() takes a lock of libc.
std::string timestamp(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  const auto micros = floor<microseconds>(time);
  const auto day = floor<days>(micros);
  const year_month_day date(day);
  const hh_mm_ss clock(micros - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

std::string_view level_name(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::info:
      return "info";
    case spdlog::level::warn:
      return "warn";
    default:
      return "error";
  }
}

void write_all(std::string_view line) {
  const int kept = errno;
  while (!line.empty()) {
    const auto written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written > 0) {
      line.remove_prefix(static_cast<std::size_t>(written));
    } else if (written < 0 && errno != EINTR) {
      break;
    }
  }
  errno = kept;
}

/// spdlog's own sinks lock and go through stdio; this one does neither.
class LineSink final : public spdlog::sinks::sink {
 public:
  void log(const spdlog::details::log_msg& message) override {
    const Identity* who = identity.load(std::memory_order_acquire);
    auto line = fmt::format("{} {} ", timestamp(message.time), level_name(message.level));
    if (who != nullptr) {
      fmt::format_to(std::back_inserter(line), "{}{}{}", who->before_pid, getpid(), who->after_pid);
    } else {
      fmt::format_to(std::back_inserter(line), "rank - {} pid {}", local_host(), getpid());
    }
    line += ": ";
    for (const char c : message.payload) {
      if (c == '\n') {
        line += "\\n";
      } else {
        line += c;
      }
    }
    line += '\n';
    write_all(line);
  }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}
};

/// Never freed, so that destructors of globals may log.
spdlog::logger& logger() {
  static auto* const instance = [] {
    auto* made = new spdlog::logger("mpx", std::make_shared<LineSink>());
    made->set_level(spdlog::level::trace);
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    default:
      return spdlog::level::err;
  }
}

void read_environment() {
  const char* text = std::getenv("MPX_LOG");
  const auto level = text == nullptr || *text == '\0' ? LogLevel::warn : parse_log_level(text);
  auto unread = LogLevel::unread;
  const auto threshold = level == LogLevel::unread ? LogLevel::warn : level;
  if (log_threshold.compare_exchange_strong(unread, threshold) && level == LogLevel::unread) {
    log_warn("MPX_LOG={}: not one of debug, info, warn, error, off; taken as warn", text);
  }
}

}  // namespace

LogLevel parse_log_level(std::string_view text) {
  if (text == "debug") return LogLevel::debug;
  if (text == "info") return LogLevel::info;
  if (text == "warn") return LogLevel::warn;
  if (text == "error") return LogLevel::error;
  if (text == "off") return LogLevel::off;
  return LogLevel::unread;
}

void set_log_identity(Rank rank, const std::string& host, const std::string& process_name) {
  const auto* made = new Identity{fmt::format("rank {} {} pid ", rank.number(), host),
                                  process_name.empty() ? "" : " " + process_name,
                                  identity.load(std::memory_order_acquire)};
  identity.store(made, std::memory_order_release);
}

void log_line(LogLevel level, std::string_view message) noexcept {
  try {
    if (log_threshold.load(std::memory_order_relaxed) == LogLevel::unread) read_environment();
    if (log_enabled(level)) logger().log(spdlog_level(level), message);
  } catch (...) {  // out of memory: a log must not be what fails
  }
}

}  // namespace mpx::detail

namespace mpx::log {

void debug(std::string_view message) {
  if (detail::log_enabled(detail::LogLevel::debug)) {
    detail::log_line(detail::LogLevel::debug, message);
  }
}
void info(std::string_view message) {
  if (detail::log_enabled(detail::LogLevel::info)) {
    detail::log_line(detail::LogLevel::info, message);
  }
}
void warn(std::string_view message) {
  if (detail::log_enabled(detail::LogLevel::warn)) {
    detail::log_line(detail::LogLevel::warn, message);
  }
}
void error(std::string_view message) {
  if (detail::log_enabled(detail::LogLevel::error)) {
    detail::log_line(detail::LogLevel::error, message);
  }
}

}  // namespace mpx::log
