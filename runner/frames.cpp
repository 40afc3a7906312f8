#include "frames.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>

namespace mpx::runner {
namespace {

constexpr std::string_view kFrameMark = "\x01mpx:";
constexpr std::string_view kKinds = "oeOEx";
constexpr std::size_t kLongestHead = kLongestFrame - kLongestText - 1;
constexpr std::size_t kLongestLine = 64 * 1024;

struct Head {
  Frame::Kind kind;
  int rank;
  std::size_t text;  // its size
  std::size_t size;  // of the head itself
};

enum class Found { none, so_far, whole };

// Reads "MARK kind rank : size \n" at the beginning.
Found read_head(std::string_view text, Head& head) {
  const auto mark = text.substr(0, kFrameMark.size());
  if (mark != kFrameMark.substr(0, mark.size())) return Found::none;
  const auto end = text.substr(0, kLongestHead).find('\n');
  if (end == std::string_view::npos) {
    return text.size() < kLongestHead ? Found::so_far : Found::none;
  }
  text = text.substr(0, end);
  if (text.size() <= kFrameMark.size() ||
      kKinds.find(text[kFrameMark.size()]) == std::string_view::npos) {
    return Found::none;
  }
  head.kind = static_cast<Frame::Kind>(text[kFrameMark.size()]);
  const char* const last = text.data() + text.size();
  const auto rank = std::from_chars(text.data() + kFrameMark.size() + 1, last, head.rank);
  if (rank.ec != std::errc{} || rank.ptr == last || *rank.ptr != ':') return Found::none;
  const auto size = std::from_chars(rank.ptr + 1, last, head.text);
  if (size.ec != std::errc{} || size.ptr != last || head.text > kLongestText) return Found::none;
  head.size = end + 1;
  return Found::whole;
}

}  // namespace

std::string make_frame(Frame::Kind kind, int rank, std::string_view text) {
  return fmt::format("{}{}{}:{}\n{}\n", kFrameMark, static_cast<char>(kind), rank, text.size(),
                     text);
}

std::vector<Frame> FrameReader::feed(std::string_view text) {
  std::vector<Frame> frames;
  held_ += text;
  const std::string_view all = held_;
  std::size_t done = 0;
  const auto pass = [&](std::size_t end) {
    if (end > done) frames.push_back({{}, 0, std::string(all.substr(done, end - done))});
    done = end;
  };
  for (auto at = all.find(kFrameMark[0]); at != std::string_view::npos;
       at = all.find(kFrameMark[0], at)) {
    Head head{};
    auto found = read_head(all.substr(at), head);
    const auto end = at + head.size + head.text;
    if (found == Found::whole && all.size() <= end) found = Found::so_far;
    if (found == Found::whole && all[end] != '\n') found = Found::none;
    if (found == Found::none) {
      ++at;
      continue;
    }
    pass(at);
    if (found == Found::so_far) {
      held_.erase(0, done);
      return frames;
    }
    frames.push_back({head.kind, head.rank, std::string(all.substr(at + head.size, head.text))});
    at = done = end + 1;
  }
  pass(all.size());
  held_.clear();
  return frames;
}

std::string LineTagger::add(int rank, Stream stream, std::string_view text) {
  const std::string tag = fmt::format("{}: ", rank);
  std::string lines;
  std::string& held = unfinished_[{rank, stream}];
  while (!text.empty()) {
    if (held.empty()) held = tag;
    const auto room = tag.size() + kLongestLine - held.size();
    const auto end = text.substr(0, room + 1).find('\n');
    held += text.substr(0, std::min(end, room));
    text.remove_prefix(end == std::string_view::npos ? std::min(room, text.size()) : end + 1);
    if (end == std::string_view::npos && text.empty()) break;
    lines += held;
    lines += '\n';
    held.clear();
  }
  return lines;
}

std::string LineTagger::end(int rank, Stream stream) {
  const auto held = unfinished_.extract({rank, stream});
  return held.empty() || held.mapped().empty() ? "" : held.mapped() + "\n";
}

std::string LineTagger::end(Stream stream) {
  std::string lines;
  for (auto& [from, held] : unfinished_) {
    if (from.second == stream && !held.empty()) lines += std::exchange(held, {}) + "\n";
  }
  return lines;
}

}  // namespace mpx::runner
