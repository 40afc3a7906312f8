#include "banner_filter.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace mpx::runner {
namespace {

using Banner = std::vector<std::string>;  // one glob pattern (fnmatch) a line

constexpr std::string_view kForwarding = "mpirun: Forwarding signal ";

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
      // where mpx-run asks the job to stop
      {std::string(kForwarding) + "* to job"},
  };
  return all;
}

enum class Match { no, so_far, whole };

// True if a line that begins with `text` could match `pattern`.
bool could_match(const std::string& pattern, std::string_view text) {
  const auto fixed = std::string_view(pattern).substr(0, pattern.find_first_of("*\\"));
  return text.starts_with(fixed) || (fixed.starts_with(text));
}

// Compares what `text` begins with; `end` is where the banner ends in it.
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

// Where the next banner might begin, from `at` on.
std::size_t next_start(const std::string& text, std::size_t at) {
  const auto may_forward = [&] {
    const auto size = std::min(kForwarding.size(), text.size() - at);
    return text.compare(at, size, kForwarding, 0, size) == 0;
  };
  at = text.find_first_of("-m", at);
  while (at != std::string::npos && text[at] == 'm' && !may_forward()) {
    at = text.find_first_of("-m", at + 1);
  }
  return at;
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

// mpirun writes a banner even into the middle of a line of a program that is still being read, so
// one may begin anywhere; what it split is whole again without it.
std::string BannerFilter::feed(std::string_view text) {
  std::string shown;
  held_ += text;
  std::size_t done = 0;
  for (std::size_t at = next_start(held_, 0); at != std::string::npos; at = next_start(held_, at)) {
    std::size_t length = 0;
    const Match found = match_any(std::string_view(held_).substr(at), length);
    if (found == Match::no) {
      ++at;
      continue;
    }
    shown.append(held_, done, at - done);
    done = at;
    if (found == Match::so_far) {
      held_.erase(0, done);
      return shown;
    }
    at = done = at + length;
  }
  shown.append(held_, done);
  held_.clear();
  return shown;
}

std::string BannerFilter::flush() { return std::exchange(held_, {}); }

}  // namespace mpx::runner
