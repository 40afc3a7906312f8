#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <forward_list>
#include <list>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/codec_types.hpp"

namespace mpx::detail::test {
namespace {

TEST(CodecContainers, StringsTravel) {
  EXPECT_EQ(again(std::string()), "");
  EXPECT_EQ(again(std::string("a\0b", 3)), std::string("a\0b", 3));
  EXPECT_EQ(again(std::u16string(u"wide")), u"wide");
}

TEST(CodecContainers, VectorsOfNumbersAreOneCopyInOneAllocation) {
  std::vector<double> row(1000, 0.5);
  const auto payload = encode(row);
  EXPECT_EQ(payload.bytes.size(), 8u + 8u + 8000u);
  EXPECT_EQ(payload.bytes.capacity(), payload.bytes.size());
  EXPECT_EQ(decode<std::vector<double>>(payload.bytes), row);
}

TEST(CodecContainers, VectorsOfNumbersDecodeFromUnalignedBytes) {
  Writer writer;
  writer.number<char>('x');
  write(writer, std::vector<double>{1, 2, 3});
  Reader reader(writer.bytes());
  reader.take(1);
  EXPECT_EQ(read<std::vector<double>>(reader), (std::vector<double>{1, 2, 3}));
  EXPECT_TRUE(reader.at_end());
}

TEST(CodecContainers, SequencesTravel) {
  EXPECT_EQ(again(std::vector<std::string>{"a", "", "c"}),
            (std::vector<std::string>{"a", "", "c"}));
  EXPECT_EQ(again(std::vector<Particle>{{1, {}}, {2, {3.0}}}),
            (std::vector<Particle>{{1, {}}, {2, {3.0}}}));
  EXPECT_EQ(again(std::deque<int>{1, 2, 3}), (std::deque<int>{1, 2, 3}));
  EXPECT_EQ(again(std::list<Particle>{{1, {2.0}}}), (std::list<Particle>{{1, {2.0}}}));
  EXPECT_EQ(again(std::forward_list<int>{1, 2, 3}), (std::forward_list<int>{1, 2, 3}));
  EXPECT_EQ(again(std::array<int, 3>{1, 2, 3}), (std::array<int, 3>{1, 2, 3}));
  EXPECT_EQ(again(std::array<bool, 2>{true, false}), (std::array<bool, 2>{true, false}));
  EXPECT_EQ(again(std::array<int, 0>{}), (std::array<int, 0>{}));
  EXPECT_EQ(again(std::vector<std::array<int, 2>>{{1, 2}}),
            (std::vector<std::array<int, 2>>{{1, 2}}));
}

TEST(CodecContainers, VectorsOfBoolArePacked) {
  std::vector<bool> row(1001);
  row[0] = row[8] = row[1000] = true;
  EXPECT_EQ(again(row), row);
  EXPECT_EQ(encode(row).bytes.size(), 8u + 8u + 126u);
  EXPECT_EQ(again(std::vector<std::vector<bool>>{{}, {true}}),
            (std::vector<std::vector<bool>>{{}, {true}}));
}

TEST(CodecContainers, SetsTravel) {
  EXPECT_EQ(again(std::set<std::string>{"b", "a"}), (std::set<std::string>{"a", "b"}));
  EXPECT_EQ(again(std::multiset<int>{1, 1, 2}), (std::multiset<int>{1, 1, 2}));
  EXPECT_EQ(again(std::unordered_set<int>{3, 1}), (std::unordered_set<int>{1, 3}));
  EXPECT_EQ(again(std::unordered_multiset<int>{3, 3}), (std::unordered_multiset<int>{3, 3}));
  const std::set<int, std::greater<>> falling{1, 2};
  EXPECT_EQ(again(falling), falling);
}

TEST(CodecContainers, MapsTravel) {
  const std::map<std::string, Particle> map{{"a", {1, {2.0}}}, {"b", {}}};
  EXPECT_EQ(again(map), map);
  EXPECT_EQ(again(std::multimap<int, int>{{1, 2}, {1, 3}}),
            (std::multimap<int, int>{{1, 2}, {1, 3}}));
  const std::unordered_map<std::string, std::vector<int>> hashed{{"x", {1}}, {"y", {}}};
  EXPECT_EQ(again(hashed), hashed);
  EXPECT_EQ(again(std::unordered_multimap<int, int>{{1, 2}}),
            (std::unordered_multimap<int, int>{{1, 2}}));
}

TEST(CodecContainers, ElementsWithoutDefaultConstructorTravel) {
  EXPECT_EQ(again(std::vector<Length>{Length(1), Length(2)}),
            (std::vector<Length>{Length(1), Length(2)}));
  EXPECT_EQ(again(std::list<Length>{Length(1)}), (std::list<Length>{Length(1)}));
  EXPECT_EQ(again(std::set<Length>{Length(1)}), (std::set<Length>{Length(1)}));
  EXPECT_EQ(again(std::array<Length, 2>{Length(1), Length(2)}),
            (std::array<Length, 2>{Length(1), Length(2)}));
  const std::map<int, Length> map{{1, Length(2)}};
  EXPECT_EQ(again(map), map);
}

TEST(CodecContainers, MoveOnlyElementsAreNeverCopied) {
  std::vector<Owner> row;
  row.emplace_back(1);
  row.emplace_back(2);
  EXPECT_EQ(again(row)[1].value(), 2);
  std::map<int, Owner> map;
  map.emplace(1, Owner(5));
  EXPECT_EQ(again(map).at(1).value(), 5);
  std::set<Owner> set;
  set.emplace(7);
  EXPECT_EQ(again(set).begin()->value(), 7);
  EXPECT_EQ(again(std::optional<Owner>(Owner(3)))->value(), 3);
  EXPECT_EQ(std::get<0>(again(std::tuple<Owner, int>(Owner(4), 1))).value(), 4);
  EXPECT_EQ(std::get<Owner>(again(std::variant<int, Owner>(Owner(4)))).value(), 4);
}

TEST(CodecContainers, ElementsThatTakeNoBytesAreCounted) {
  EXPECT_EQ(again(std::vector<std::monostate>(1000)).size(), 1000u);
  EXPECT_EQ(again(std::vector<Nothing>(1000)).size(), 1000u);
  EXPECT_EQ(again(std::pair(std::vector<Nothing>(3), 5)).second, 5);
  EXPECT_EQ(again(std::list<std::tuple<>>(7)).size(), 7u);
}

TEST(CodecContainers, NestedContainersTravel) {
  const std::map<std::string, std::vector<std::map<int, std::set<std::string>>>> deep{
      {"a", {{{1, {"x", "y"}}}, {}}}, {"b", {}}};
  EXPECT_EQ(again(deep), deep);
}

}  // namespace
}  // namespace mpx::detail::test
