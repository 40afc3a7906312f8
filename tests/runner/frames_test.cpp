#include "frames.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

namespace mpx::runner {
namespace {

using Kind = Frame::Kind;
using Stream = LineTagger::Stream;
using testing::ElementsAre;

TEST(FrameReader, TakesFramesOutOfTheLaunchersWords) {
  FrameReader reader;
  const auto text = "mpirun says\n" + make_frame(Kind::out, 3, "a\nb") + "more" +
                    make_frame(Kind::err_end, 12, "");
  EXPECT_THAT(reader.feed(text),
              ElementsAre(Frame{Kind::other, 0, "mpirun says\n"}, Frame{Kind::out, 3, "a\nb"},
                          Frame{Kind::other, 0, "more"}, Frame{Kind::err_end, 12, ""}));
  EXPECT_EQ(reader.flush(), "");
}

TEST(FrameReader, PassesWhatOnlyLooksLikeAFrame) {
  const auto frame = make_frame(Kind::out, 1, "text");
  for (const std::string text :
       {"\x01", "\x01mpx:", "\x01mpx:o", "\x01mpx:q1:4\ntext\n", "\x01mpx:ox:4\n",
        "\x01mpx:o1:99999\n", "\x01mpx:o1:4\ntextual\n", "\x01\x01mpx\n"}) {
    FrameReader reader;
    std::string passed;
    for (const auto& piece : reader.feed(text + frame)) {
      if (piece.kind == Kind::other) passed += piece.text;
    }
    EXPECT_TRUE(passed + reader.flush() == text || (passed + frame).starts_with(text)) << text;
  }
}

TEST(FrameReader, PutsFramesTogetherFromPiecesOfAnySize) {
  std::mt19937 random(1);
  std::string all;
  std::vector<Frame> wanted;
  for (int i = 0; i < 200; ++i) {
    std::string text(random() % kLongestText, 'x');
    for (char& c : text) c = random() % 4 == 0 ? '\n' : static_cast<char>(random() % 256);
    wanted.push_back({i % 2 ? Kind::out : Kind::err, static_cast<int>(random() % 100000), text});
    all += make_frame(wanted.back().kind, wanted.back().rank, text);
  }
  FrameReader reader;
  std::vector<Frame> found;
  for (std::size_t at = 0; at < all.size();) {
    const auto size = std::min<std::size_t>(all.size() - at, random() % 5000);
    for (auto& frame : reader.feed(std::string_view(all).substr(at, size))) {
      found.push_back(std::move(frame));
    }
    at += size;
  }
  EXPECT_EQ(found, wanted);
}

TEST(Frames, TheLongestFitsAPipe) {
  const auto frame = make_frame(Kind::out, 2'000'000'000, std::string(kLongestText, 'x'));
  EXPECT_LE(frame.size(), kLongestFrame);
  FrameReader reader;
  EXPECT_EQ(reader.feed(frame).size(), 1u);
}

TEST(LineTagger, BeginsWholeLinesWithTheirRankAndTearsNone) {
  LineTagger lines;
  EXPECT_EQ(lines.add(1, Stream::out, "on"), "");
  EXPECT_EQ(lines.add(0, Stream::out, "zero\n\nno"), "0: zero\n0: \n");
  EXPECT_EQ(lines.add(1, Stream::err, "error\n"), "1: error\n");
  EXPECT_EQ(lines.add(1, Stream::out, "e\n"), "1: one\n");
  EXPECT_EQ(lines.end(0, Stream::out), "0: no\n");
  EXPECT_EQ(lines.end(0, Stream::out), "");
  EXPECT_EQ(lines.end(7, Stream::out), "");
  EXPECT_EQ(lines.add(2, Stream::out, "last") + lines.end(Stream::err), "");
  EXPECT_EQ(lines.end(Stream::out), "2: last\n");
}

TEST(LineTagger, CutsALineThatIsTooLong) {
  const std::string longest(64 * 1024, 'x');
  LineTagger lines;
  EXPECT_EQ(lines.add(3, Stream::out, longest), "");
  EXPECT_EQ(lines.add(3, Stream::out, "\n"), "3: " + longest + "\n");
  EXPECT_EQ(lines.add(3, Stream::out, longest + "y" + longest + "\nz\n"),
            "3: " + longest + "\n3: y" + longest.substr(1) + "\n3: x\n3: z\n");
}

}  // namespace
}  // namespace mpx::runner
