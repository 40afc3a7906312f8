#include <fmt/format.h>

#include <algorithm>

#include "doctor_checks.hpp"

namespace mpx::runner {

std::string to_table(const std::vector<Row>& rows) {
  static constexpr const char* kLevels[] = {"ok", "warn", "bad"};
  std::size_t width = 0;
  for (const Row& row : rows) width = std::max(width, row.check.size());
  std::string table;
  for (const Row& row : rows) {
    std::string line =
        fmt::format("{:<{}}  {:<4}  {}{}{}", row.check, width, kLevels[static_cast<int>(row.level)],
                    row.found, row.advice.empty() ? "" : " -> ", row.advice);
    std::replace(line.begin(), line.end(), '\n', ' ');  // what others said may have lines
    table += line + '\n';
  }
  const auto count = [&](Level level) {
    return std::count_if(rows.begin(), rows.end(), [=](const Row& r) { return r.level == level; });
  };
  return table + fmt::format("{} checks: {} ok, {} warn, {} bad\n", rows.size(), count(Level::ok),
                             count(Level::warn), count(Level::bad));
}

}  // namespace mpx::runner
