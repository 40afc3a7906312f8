#include "banner_filter.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace mpx::runner {
namespace {

using Banner = std::vector<std::string>;  // one glob pattern (fnmatch) a line

const std::string& rule() {
  static const std::string dashes(74, '-');
  return dashes;
}

const std::vector<Banner>& banners() {
  static const std::vector<Banner> all = {
      // Open MPI 4.1, always two of them
      {rule(), "Primary job  terminated normally, but * returned",
       "a non-zero exit code. Per user-direction, the job has been aborted.", rule()},
      {rule(), "* detected that one or more processes exited with non-zero status, thus causing",
       "the job to be terminated. The first process to do so was:", "",
       "  Process name: \\[\\[*,*\\],0\\]", "  Exit code:    *", rule()},
      // Open MPI 5.0
      {rule(), "* detected that one or more processes exited with non-zero status,",
       "thus causing the job to be terminated. The first process to do so was:", "",
       "   Process name: \\[*@1,0\\]", "   Exit code:    *", rule()},
  };
  return all;
}

enum class Match { no, so_far, whole };

// True if a line that begins with `text` could match `pattern`.
bool could_match(const std::string& pattern, std::string_view text) {
  const auto fixed = std::string_view(pattern).substr(0, pattern.find_first_of("*\\"));
  return text.starts_with(fixed) || (fixed.starts_with(text));
}

// Compares `text`, which begins at the start of a line, with a banner; `end` is where it ends.
Match match(const Banner& banner, std::string_view text, std::size_t& end) {
  end = 0;
  for (const std::string& pattern : banner) {
    const auto newline = text.find('\n', end);
    if (newline == std::string_view::npos) {
      return could_match(pattern, text.substr(end)) ? Match::so_far : Match::no;
    }
    const std::string line(text.substr(end, newline - end));
    if (::fnmatch(pattern.c_str(), line.c_str(), 0) != 0) return Match::no;
    end = newline + 1;
  }
  return Match::whole;
}

Match match_any(std::string_view text, std::size_t& end) {
  Match best = Match::no;
  for (const Banner& banner : banners()) {
    switch (match(banner, text, end)) {
      case Match::whole:
        return Match::whole;
      case Match::so_far:
        best = Match::so_far;
        break;
      case Match::no:
        break;
    }
  }
  return best;
}

}  // namespace

std::string BannerFilter::feed(std::string_view text) {
  std::string shown;
  held_ += text;
  while (!held_.empty()) {
    if (at_line_start_) {
      std::size_t end = 0;
      const Match found = match_any(held_, end);
      if (found == Match::so_far) break;
      if (found == Match::whole) {
        held_.erase(0, end);
        continue;
      }
    }
    const std::size_t newline = held_.find('\n');
    at_line_start_ = newline != std::string::npos;
    const std::size_t length = at_line_start_ ? newline + 1 : held_.size();
    shown.append(held_, 0, length);
    held_.erase(0, length);
  }
  return shown;
}

std::string BannerFilter::flush() {
  if (!held_.empty()) at_line_start_ = held_.back() == '\n';
  return std::exchange(held_, {});
}

}  // namespace mpx::runner
