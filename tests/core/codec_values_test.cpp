#include <gtest/gtest.h>

#include <bitset>
#include <chrono>
#include <cmath>
#include <complex>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>

#include "core/codec_types.hpp"

namespace mpx::detail::test {
namespace {

enum class Colour : std::uint16_t { red, green = 400 };
enum class Flag : bool { off, on };

TEST(CodecValues, NumbersKeepTheirBits) {
  EXPECT_EQ(again(-7), -7);
  EXPECT_EQ(again(std::numeric_limits<std::uint64_t>::max()), ~std::uint64_t{0});
  EXPECT_EQ(again('x'), 'x');
  EXPECT_EQ(again(true), true);
  EXPECT_EQ(again(1.5F), 1.5F);
  EXPECT_EQ(again(std::numeric_limits<long double>::min()),
            std::numeric_limits<long double>::min());
  EXPECT_TRUE(std::isnan(again(std::numeric_limits<double>::quiet_NaN())));
  EXPECT_EQ(again(std::complex<double>(1, -2)), std::complex<double>(1, -2));
  EXPECT_EQ(again(std::byte{200}), std::byte{200});
}

TEST(CodecValues, EnumsTravel) {
  EXPECT_EQ(again(Colour::green), Colour::green);
  EXPECT_EQ(again(Flag::on), Flag::on);
}

TEST(CodecValues, AnIntTakesTwelveBytesInOneAllocation) {
  const auto payload = encode(5);
  EXPECT_EQ(payload.bytes.size(), 12u);
  EXPECT_EQ(payload.bytes.capacity(), 12u) << "grew after the first allocation";
}

TEST(CodecValues, CalendarsTravel) {
  using namespace std::chrono;  // NOLINT(google-build-using-namespace): / is found in it
  const auto same = [](const auto& value) { return again(value) == value; };
  EXPECT_TRUE(same(day(31)) && same(month(2)) && same(year(-44)) && same(weekday(3)));
  EXPECT_TRUE(same(Friday[2]) && same(Friday[last]) && same(March / 15) && same(March / last));
  EXPECT_TRUE(same(March / Friday[1]) && same(March / Friday[last]) && same(2024y / March));
  EXPECT_TRUE(same(2024y / March / 15) && same(2024y / March / last));
  EXPECT_TRUE(same(2024y / March / Friday[1]) && same(2024y / March / Friday[last]));
  EXPECT_TRUE(same(std::vector{2024y / March / 15, 1999y / May / 1}));
  EXPECT_TRUE(same(std::vector{March / last, May / last}));
  EXPECT_TRUE(same(local_days(2024y / March / 15)) && same(sys_seconds(5s)) && same(2.5h));
  EXPECT_TRUE(same(file_clock::time_point(5s)) && same(days(3)));
  EXPECT_EQ(again(hh_mm_ss(-3661500ms)).to_duration(), -3661500ms);
  static_assert(Sendable<last_spec> && !Sendable<system_clock>);
}

TEST(CodecValues, NullTravels) { EXPECT_EQ(again(nullptr), nullptr); }

TEST(CodecValues, PairsAndTuplesTravel) {
  EXPECT_EQ(again(std::pair<int, std::string>(1, "a")), (std::pair<int, std::string>(1, "a")));
  EXPECT_EQ(again(std::pair<const int, bool>(1, true)), (std::pair<const int, bool>(1, true)));
  EXPECT_EQ(again(std::tuple<>()), std::tuple<>());
  const std::tuple<int, std::string, Particle> three(1, "two", {3, {4.0}});
  EXPECT_EQ(again(three), three);
  EXPECT_EQ(again(std::tuple<Length, int>(Length(3), 4)), (std::tuple<Length, int>(Length(3), 4)));
}

TEST(CodecValues, OptionalAndVariantTravel) {
  EXPECT_EQ(again(std::optional<int>()), std::nullopt);
  EXPECT_EQ(again(std::optional<Particle>({2, {1.0}})), (Particle{2, {1.0}}));
  EXPECT_EQ(again(std::optional<Length>(Length(3)))->millimetres, 3);
  using Variant = std::variant<std::monostate, int, std::string, Length>;
  for (const Variant& value : {Variant(), Variant(3), Variant("text"), Variant(Length(9))}) {
    EXPECT_EQ(again(value), value);
  }
  EXPECT_EQ(again(std::monostate()), std::monostate());
}

TEST(CodecValues, TimesTravel) {
  using namespace std::chrono_literals;
  EXPECT_EQ(again(std::chrono::milliseconds(1500)), 1500ms);
  EXPECT_EQ(again(std::chrono::duration<double>(0.25)).count(), 0.25);
  const auto now = std::chrono::system_clock::now();
  EXPECT_EQ(again(now), now);
  EXPECT_EQ(again(std::vector{1s, 2s}), (std::vector{1s, 2s}));
}

TEST(CodecValues, PathsAndBitsetsTravel) {
  EXPECT_EQ(again(std::filesystem::path("/a/b c")), std::filesystem::path("/a/b c"));
  std::bitset<70> bits(0x1234567890ABCDEFu);
  bits[69] = true;
  EXPECT_EQ(again(bits), bits);
}

TEST(CodecValues, TextTravelsAsStdString) {
  EXPECT_EQ(decode<std::string>(encode("hello").bytes), "hello");
  const char* const pointer = "pointer";
  EXPECT_EQ(decode<std::string>(encode(pointer).bytes), "pointer");
  const char unterminated[3] = {'a', 'b', 'c'};
  EXPECT_EQ(decode<std::string>(encode(unterminated).bytes), "abc");
  const char buffer[64] = "short";
  EXPECT_EQ(decode<std::string>(encode(buffer).bytes), "short");
  const char* const null = nullptr;
  EXPECT_THROW(encode(null), UsageError);
}

TEST(CodecValues, AHandleIsListedInThePayload) {
  const ObjectId id{3, 7, ProcessId(2, 5)};
  const auto payload = encode(std::pair<int, std::vector<Ticket>>(1, {Ticket(id), Ticket(id)}));
  EXPECT_EQ(payload.handles, (std::vector<Reference>{{id, {}}, {id, {}}}));
  const auto back = decode<std::pair<int, std::vector<Ticket>>>(payload.bytes);
  EXPECT_EQ(back.second, (std::vector{Ticket(id), Ticket(id)}));
}

TEST(CodecValues, BytewiseOnlyWhereSomeoneSaidSo) {
  static_assert(std::is_trivially_copyable_v<Silent> && !Sendable<Silent>);
  EXPECT_EQ(again(Pixel{1, 2, 3}), (Pixel{1, 2, 3}));
  const auto payload = encode(std::vector<Pixel>(100));
  EXPECT_EQ(payload.bytes.size(), 8u + 8u + 300u);
}

TEST(CodecValues, OwnSerializeWinsOverBitwise) {
  const auto back = again(Celsius{20, 68});
  EXPECT_EQ(back.degrees, 20);
  EXPECT_EQ(back.cached_fahrenheit, 0) << "was copied bytewise";
}

TEST(CodecValues, TheWrongTypeIsNamedTogetherWithTheRightOne) {
  const auto payload = encode(std::vector<std::string>{"a"});
  try {
    decode<int>(payload.bytes);
    FAIL() << "decoded a vector as an int";
  } catch (const CodecError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("std::vector<std::string"), std::string::npos) << text;
    EXPECT_NE(text.find("as int"), std::string::npos) << text;
  }
}

TEST(CodecValues, AnUnknownTypeIsNamedByItsNumber) {
  Writer writer;
  writer.number<std::uint64_t>(0xABCDEF);
  writer.number(1);
  try {
    decode<int>(writer.bytes());
    FAIL();
  } catch (const CodecError& error) {
    EXPECT_NE(std::string(error.what()).find("0000000000abcdef"), std::string::npos)
        << error.what();
  }
}

struct Throws {
  Throws() : text("long enough not to be trivially copyable") { throw 1; }
  std::string text;
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& text;
  }
};

TEST(CodecValues, AValuelessVariantIsRefusedWhenItIsSent) {
  std::variant<int, Throws> value(1);
  EXPECT_THROW(value.emplace<Throws>(), int);
  ASSERT_TRUE(value.valueless_by_exception());
  EXPECT_THROW(encode(value), CodecError);
}

TEST(CodecValues, SendableSaysWhatTravels) {
  static_assert(Sendable<int> && Sendable<std::string> && Sendable<Particle> && Sendable<Account>);
  static_assert(Sendable<Length> && Sendable<Pixel> && Sendable<Ticket> && Sendable<Tree>);
  static_assert(Sendable<const int> && Sendable<std::vector<Ticket>>);
  static_assert(!Sendable<int*> && !Sendable<const char*> && !Sendable<std::string_view>);
  static_assert(!Sendable<std::span<int>> && !Sendable<std::function<void()>>);
  static_assert(!Sendable<std::mutex> && !Sendable<int Particle::*> && !Sendable<int&>);
  static_assert(!Sendable<std::map<int, std::optional<int*>>>);
  static_assert(!Sendable<std::variant<int, Silent>> && !Sendable<std::array<Silent, 2>>);
}

}  // namespace
}  // namespace mpx::detail::test
