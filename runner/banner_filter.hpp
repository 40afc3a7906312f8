#pragma once

#include <string>
#include <string_view>

namespace mpx::runner {

/// Takes out of mpirun's error stream the two banners by which it reports that rank 0 returned a
/// status other than zero (for mpirun that is an accident; for us it is the program's answer), and
/// the line about a signal that it passes on.
///
/// Everything else passes in its order. Only text that may yet turn out to be such a banner is held
/// back; flush() gives it up.
class BannerFilter {
 public:
  /// Takes what was read and returns what may be shown.
  [[nodiscard]] std::string feed(std::string_view text);

  /// Returns what is held back; call it when nothing more has come for a while, and at the end.
  [[nodiscard]] std::string flush();

  [[nodiscard]] bool holds_text() const noexcept { return !held_.empty(); }

 private:
  std::string held_;  // may be the beginning of a banner
};

}  // namespace mpx::runner
