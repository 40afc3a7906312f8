#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mpx::runner {

/// A piece of what a rank prints, as its relay hands it to the launcher and mpx-run takes it out of
/// the launcher's error stream again. Launchers hand on pieces of a rank's output, wherever these
/// end, and put the ranks' pieces in a row; their own marks do not help: mpirun 4.1 sets its tags
/// anew where a piece begins, and drops what does not fit its buffer then. A frame is one piece.
struct Frame {
  enum class Kind : char {
    other = 0,      ///< no frame: the launcher's own words
    out = 'o',      ///< of standard output
    err = 'e',      ///< of standard error
    out_end = 'O',  ///< there is no more
    err_end = 'E',
    trouble = 'x',  ///< what the relay has to say itself
  };
  Kind kind = Kind::other;
  int rank = 0;
  std::string text = {};

  friend bool operator==(const Frame&, const Frame&) = default;
};

/// PIPE_BUF: what pipes take and launchers read as one.
inline constexpr std::size_t kLongestFrame = 4096;
/// The most text in one.
inline constexpr std::size_t kLongestText = kLongestFrame - 32;

/// The bytes of a frame. It ends with a newline, since Open MPI 5 hands on whole lines.
[[nodiscard]] std::string make_frame(Frame::Kind kind, int rank, std::string_view text);

/// Takes frames out of a stream.
class FrameReader {
 public:
  /// What has become complete, in its order.
  [[nodiscard]] std::vector<Frame> feed(std::string_view text);
  /// What was held back as it might have become a frame: none comes any more.
  [[nodiscard]] std::string flush() { return std::exchange(held_, {}); }

 private:
  std::string held_;
};

/// Puts the pieces of each stream of each rank together to lines that begin with the rank: "3: ".
/// A line longer than 64 KiB becomes several.
class LineTagger {
 public:
  enum class Stream { out, err };

  /// The lines that this completes.
  [[nodiscard]] std::string add(int rank, Stream stream, std::string_view text);
  /// Its unfinished line, as one; a stream that has ended adds no more to it.
  [[nodiscard]] std::string end(int rank, Stream stream);
  /// Those of all ranks.
  [[nodiscard]] std::string end(Stream stream);

 private:
  std::map<std::pair<int, Stream>, std::string> unfinished_;  // each with its tag
};

}  // namespace mpx::runner
