#include "core/item_block.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

Bytes bytes_of(const std::string& text) {
  Bytes bytes(text.size());
  if (!text.empty()) std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}
std::string text_of(const Payload& item) {
  return {reinterpret_cast<const char*>(item.bytes.data()), item.bytes.size()};
}
Reference reference(std::uint32_t serial) {
  return {ObjectId{0, serial, ProcessId(0, 1)}, ProcessId(0, 1)};
}

ItemBlock block_of(std::initializer_list<std::string> texts) {
  ItemBlock block;
  for (const auto& text : texts) block.push_back(bytes_of(text), {});
  return block;
}
std::string drained(ItemBlock block) {
  std::string texts;
  while (!block.empty()) texts += text_of(block.pop_front()) + ",";
  return texts;
}

TEST(ItemBlock, GivesItemsBackInOrderWithTheirHandles) {
  ItemBlock block;
  block.push_back(bytes_of("one"), {reference(1), reference(2)});
  block.push_back({}, {});
  block.push_back(bytes_of("three"), {reference(3)});
  EXPECT_EQ(block.size(), 3u);
  EXPECT_EQ(block.item_bytes(), 8u);
  auto first = block.pop_front();
  EXPECT_EQ(text_of(first), "one");
  EXPECT_EQ(first.handles.size(), 2u);
  block.drop_front();
  EXPECT_EQ(block.handles(), std::vector{reference(3)});
  const auto third = block.pop_front();
  EXPECT_EQ(text_of(third), "three");
  EXPECT_EQ(third.handles, std::vector{reference(3)});
  EXPECT_TRUE(block.empty());
  EXPECT_TRUE(block.units().empty());
}

TEST(ItemBlock, ALargeItemIsABlockOfItsOwnAndNotCopied) {
  Bytes bytes(kLargeBytes);
  bytes[5] = std::byte{5};
  const auto* place = bytes.data();
  ItemBlock block(Large(std::move(bytes)), {reference(1)});
  EXPECT_EQ(block.size(), 1u);
  EXPECT_EQ(block.item_bytes(), kLargeBytes);
  EXPECT_EQ(block.large().view().data(), place);
  auto copy =
      ItemBlock({block.units().begin(), block.units().end()}, block.handles(), block.large());
  EXPECT_EQ(copy.item_bytes(), kLargeBytes);
  copy.drop_front();
  EXPECT_TRUE(copy.empty());
  auto front = block.split_front(1, 1);
  EXPECT_TRUE(block.empty());
  const auto item = front.pop_front();
  EXPECT_EQ(item.bytes.data(), place);
  EXPECT_EQ(item.bytes.size(), kLargeBytes);
  EXPECT_EQ(item.handles, std::vector{reference(1)});
  EXPECT_TRUE(front.empty());
}

TEST(ItemBlock, AHeadThatDoesNotFitItsLargeItemIsRefused) {
  const ItemBlock block(Large(Bytes(kLargeBytes)), {});
  const Bytes units(block.units().begin(), block.units().end());
  EXPECT_THROW(ItemBlock(units, {reference(1)}, block.large()), CodecError);
  EXPECT_THROW(ItemBlock({}, {}, block.large()), CodecError);
}

TEST(ItemBlock, SplitsByCountAndByBytes) {
  auto block = block_of({"aa", "bb", "cc", "dd", "ee"});
  EXPECT_EQ(drained(block.split_front(2, 100)), "aa,bb,");
  EXPECT_EQ(drained(block.split_front(9, 3)), "cc,dd,") << "the last one begins before the bound";
  EXPECT_EQ(block.size(), 1u);
  EXPECT_EQ(drained(block.split_front(9, 100)), "ee,");
  EXPECT_TRUE(block.empty());
}

TEST(ItemBlock, TravelsAsItsUnits) {
  auto block = block_of({"gone", "stays", ""});
  block.drop_front();
  block.push_back(bytes_of("last"), {reference(7)});
  const auto units = block.units();
  EXPECT_EQ(drained(ItemBlock({units.begin(), units.end()}, block.handles())), "stays,,last,");
}

TEST(ItemBlock, RefusesWhatDoesNotFit) {
  auto block = block_of({"text"});
  const auto units = block.units();
  const Bytes whole(units.begin(), units.end());
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_THROW(ItemBlock({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}, {}),
                 CodecError);
  }
  EXPECT_THROW(ItemBlock(whole, {reference(1)}), CodecError);
  auto huge = whole;
  huge[4 + 7] = std::byte{0xFF};  // the size's highest byte
  EXPECT_THROW(ItemBlock(huge, {}), CodecError);
}

}  // namespace
}  // namespace mpx::detail
