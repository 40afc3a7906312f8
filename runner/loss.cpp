#include "loss.hpp"

namespace mpx::runner {

void LossFinder::feed(std::string_view text) {
  constexpr std::size_t kLongest = 1000;  // of a line that may be mpirun's
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (line_.size() < kLongest) line_ += text.substr(0, end);
    if (end == std::string_view::npos) return;
    look_at(line_);
    line_.clear();
    text.remove_prefix(end + 1);
  }
}

// "  Remote daemon: [[1234,0],2] on node node3", in 5.0 with another way to write the middle
void LossFinder::look_at(std::string_view line) {
  // For which 4.1 gives the status of signal 3.
  constexpr std::string_view kExec = "Open MPI tried to fork a new process via the \"execve\"";
  if (line.starts_with(kExec)) cannot_execute_ = true;
  constexpr std::string_view kStart = "Remote daemon: [";
  constexpr std::string_view kNode = "] on node ";
  const auto start = line.find(kStart);
  const auto name = start == std::string_view::npos ? start : line.find(kNode, start);
  if (name == std::string_view::npos || !node_.empty()) return;
  line.remove_prefix(name + kNode.size());
  node_ = line.substr(0, line.find_first_of(" \r\t"));
}

}  // namespace mpx::runner
