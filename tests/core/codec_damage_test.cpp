#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "core/codec_types.hpp"

// Whatever arrives, decoding gives a value or a CodecError; run under ASan and UBSan in CI.
namespace mpx::detail::test {
namespace {

using Everything =
    std::tuple<int, bool, std::string, std::vector<double>, std::vector<bool>,
               std::vector<std::string>, std::map<std::string, std::vector<int>>,
               std::optional<std::deque<Particle>>, std::variant<int, std::string, Account>,
               std::unordered_map<int, std::set<int>>, std::vector<Length>, std::vector<Nothing>>;

Everything make_everything() {
  return {1,
          true,
          "some text",
          {1, 2, 3},
          {true, false, true},
          {"a", "bb", ""},
          {{"k", {1, 2}}, {"l", {}}},
          std::deque<Particle>{{1, {2, 3}}, {4, {}}},
          Account(5),
          {{1, {2, 3}}},
          {Length(1), Length(2)},
          std::vector<Nothing>(3)};
}

TEST(CodecDamage, EveryTruncationIsACodecError) {
  const auto payload = encode(make_everything());
  ASSERT_EQ(decode<Everything>(payload.bytes), make_everything());
  for (std::size_t size = 0; size < payload.bytes.size(); ++size) {
    const Bytes cut(payload.bytes.begin(), payload.bytes.begin() + static_cast<long>(size));
    EXPECT_THROW(decode<Everything>(cut), CodecError) << size << " bytes";
  }
}

TEST(CodecDamage, BytesLeftOverAreACodecError) {
  auto payload = encode(make_everything());
  payload.bytes.push_back(std::byte{0});
  EXPECT_THROW(decode<Everything>(payload.bytes), CodecError);
}

TEST(CodecDamage, FlippedBytesGiveAValueOrACodecError) {
  const auto payload = encode(make_everything());
  std::mt19937 random(1);
  for (int round = 0; round < 30000; ++round) {
    Bytes bytes = payload.bytes;
    const int flips = 1 + static_cast<int>(random() % 4);
    for (int i = 0; i < flips; ++i) {
      const auto at = 8 + random() % (bytes.size() - 8);  // behind the fingerprint
      bytes[at] = static_cast<std::byte>(random());
    }
    try {
      decode<Everything>(bytes);
    } catch (const CodecError&) {
    }
  }
}

TEST(CodecDamage, RandomBytesGiveAValueOrACodecError) {
  std::mt19937 random(2);
  for (int round = 0; round < 30000; ++round) {
    Writer writer;
    writer.number(fingerprint<Everything>);
    const auto size = random() % 200;
    for (std::size_t i = 0; i < size; ++i) {
      writer.number(static_cast<std::uint8_t>(random() % 3 == 0 ? random() : 0));
    }
    try {
      decode<Everything>(writer.bytes());
    } catch (const CodecError&) {
    }
  }
}

template <class T>
void expect_length_is_not_trusted(std::uint64_t length) {
  Writer writer;
  writer.number(fingerprint<T>);
  writer.number(length);
  writer.number(std::uint64_t{0});
  EXPECT_THROW(decode<T>(writer.bytes()), CodecError) << type_name<T>() << " of " << length;
}

TEST(CodecDamage, ALengthLargerThanWhatIsLeftAllocatesNothing) {
  for (const auto length : {std::uint64_t{9}, std::uint64_t{1} << 40, ~std::uint64_t{0},
                            std::uint64_t{1} << 61, (std::uint64_t{1} << 61) + 1}) {
    expect_length_is_not_trusted<std::string>(length);
    expect_length_is_not_trusted<std::vector<double>>(length);
    expect_length_is_not_trusted<std::vector<std::string>>(length);
    expect_length_is_not_trusted<std::vector<Particle>>(length);
    expect_length_is_not_trusted<std::vector<Length>>(length);
    expect_length_is_not_trusted<std::vector<Nothing>>(length);
    expect_length_is_not_trusted<std::vector<std::monostate>>(length);
    expect_length_is_not_trusted<std::deque<int>>(length);
    expect_length_is_not_trusted<std::set<int>>(length);
    expect_length_is_not_trusted<std::unordered_map<int, int>>(length);
  }
  expect_length_is_not_trusted<std::vector<bool>>(65);
  expect_length_is_not_trusted<std::vector<bool>>(~std::uint64_t{0});
}

TEST(CodecDamage, ABoolIsZeroOrOne) {
  Writer writer;
  writer.number(fingerprint<bool>);
  writer.number<std::uint8_t>(2);
  EXPECT_THROW(decode<bool>(writer.bytes()), CodecError);
}

}  // namespace
}  // namespace mpx::detail::test
