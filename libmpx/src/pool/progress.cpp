#include "pool/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace mpx::detail {
namespace {

using namespace std::chrono_literals;

constexpr auto kTerminalEvery = 100ms;
constexpr auto kFileEvery = 1s;

std::string clock_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::min(std::ceil(seconds), 1e9));
  const auto hours = whole / 3600, minutes = whole / 60 % 60;
  return hours != 0 ? fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60)
                    : fmt::format("{}:{:02}", minutes, whole % 60);
}

}  // namespace

std::string progress_text(std::size_t done, std::size_t total,
                          std::chrono::duration<double> after) {
  const auto rate = static_cast<double>(done) / std::max(after.count(), 1e-9);
  auto text = fmt::format("{}/{} ({} %), {:.{}f}/s", done, total,
                          static_cast<int>(100.0 * static_cast<double>(done) /
                                           static_cast<double>(std::max<std::size_t>(total, 1))),
                          rate, rate < 10 ? 2 : 0);
  if (done == total) return text + ", took " + clock_text(after.count());
  if (done != 0) text += ", " + clock_text(static_cast<double>(total - done) / rate) + " left";
  return text;
}

Progress::Progress(std::size_t total) : total_(total), terminal_(::isatty(STDERR_FILENO) == 1) {}

void Progress::show(std::size_t done) {
  const auto now = Clock::now();
  const bool end = done == total_;
  if (over_ || (!end && now - last_ < (terminal_ ? Clock::duration(kTerminalEvery) : kFileEvery)))
    return;
  last_ = now;
  over_ = end;
  const auto text = progress_text(done, total_, now - start_);
  // A shorter line must not leave the rest of a longer one.
  const auto line =
      terminal_ ? fmt::format("\r{:<60}{}", text, end ? "\n" : "") : fmt::format("{}\n", text);
  static_cast<void>(!::write(STDERR_FILENO, line.data(), line.size()));
}

}  // namespace mpx::detail
