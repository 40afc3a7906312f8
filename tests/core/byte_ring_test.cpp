#include "core/byte_ring.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <thread>
#include <vector>

#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

struct Ring {
  alignas(64) ByteRing::Control control{};
  std::array<std::byte, 16> data{};
  ByteRing writer{control, data};
  ByteRing reader{control, data};
};

std::vector<std::byte> counted(std::size_t count, int from = 0) {
  std::vector<std::byte> bytes(count);
  for (auto& byte : bytes) byte = static_cast<std::byte>(from++);
  return bytes;
}

TEST(ByteRing, TakesWhatFitsAndGivesItBackInOrderAcrossItsEnd) {
  Ring ring;
  std::vector<std::byte> out(16);
  EXPECT_EQ(ring.writer.write_some(counted(12)), 12u);
  EXPECT_EQ(ring.reader.read_some(std::span(out).first(10)), 10u);
  EXPECT_EQ(ring.writer.write_some(counted(20, 12)), 14u);
  EXPECT_EQ(ring.writer.write_some(counted(1)), 0u);
  EXPECT_EQ(ring.reader.available(), 16u);
  EXPECT_EQ(ring.reader.read_some(out), 16u);
  EXPECT_EQ(out, counted(16, 10));
  EXPECT_EQ(ring.reader.read_some(out), 0u);
}

TEST(ByteRing, GivesReadAndWriteAccessInPlaceUpToItsEnd) {
  Ring ring;
  ring.writer.write_some(counted(12));
  ring.reader.consume(12);
  auto room = ring.writer.reserve();
  ASSERT_EQ(room.size(), 4u);
  const auto bytes = counted(4, 50);
  std::memcpy(room.data(), bytes.data(), 4);
  ring.writer.commit(4);
  EXPECT_EQ(ring.writer.reserve().size(), 12u);
  ring.writer.write_some(counted(3, 54));
  auto seen = ring.reader.peek();
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[3], std::byte{53});
  ring.reader.consume(seen.size());
  seen = ring.reader.peek();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0], std::byte{54});
}

TEST(ByteRing, GoesOnWhenTheIndicesWrapAround) {
  Ring ring;
  ring.control.written = ring.control.read = ~std::uint64_t{0} - 3;
  ByteRing writer(ring.control, ring.data);
  ByteRing reader(ring.control, ring.data);
  std::vector<std::byte> out(16);
  EXPECT_EQ(writer.write_some(counted(16)), 16u);
  EXPECT_EQ(reader.read_some(out), 16u);
  EXPECT_EQ(out, counted(16));
}

TEST(ByteRing, ReportsIndicesThatNoSoundPeerCanHaveWritten) {
  for (const std::uint64_t wild :
       {std::uint64_t{17}, std::uint64_t{1} << 40, ~std::uint64_t{100}}) {
    Ring ring;
    std::array<std::byte, 8> out;
    ring.control.written = wild;
    EXPECT_THROW((void)ring.reader.read_some(out), TransportError) << wild;
    EXPECT_THROW((void)ring.reader.peek(), TransportError) << wild;
    ring.control.read = wild;
    EXPECT_THROW((void)ring.writer.write_some(out), TransportError) << wild;
    EXPECT_THROW((void)ring.writer.reserve(), TransportError) << wild;
  }
}

TEST(ByteRing, DoesNotBelieveTheCopyOfItsOwnIndex) {
  Ring ring;
  std::array<std::byte, 16> out;
  ring.writer.write_some(counted(4));
  ring.control.read = 3;  // the peer scribbles over what the reader published
  EXPECT_EQ(ring.reader.read_some(out), 4u);
}

// Both sides at one address, unlike those of a channel: here ThreadSanitizer sees what they share.
TEST(ByteRing, OrdersBytesBetweenThreads) {
  constexpr std::size_t kTotal = 100'000;
  Ring ring;
  std::thread thread([&] {
    for (std::size_t done = 0; done < kTotal;) {
      const auto count = ring.writer.write_some(counted(1 + done % 13, static_cast<int>(done)));
      if (count == 0) std::this_thread::yield();
      done += count;
    }
  });
  std::array<std::byte, 7> out;
  std::size_t wrong = 0;
  for (std::size_t done = 0; done < kTotal;) {
    const auto count = ring.reader.read_some(out);
    for (std::size_t i = 0; i < count; ++i) wrong += out[i] != static_cast<std::byte>(done + i);
    if (count == 0) std::this_thread::yield();
    done += count;
  }
  thread.join();
  EXPECT_EQ(wrong, 0u);
}

TEST(ByteRing, RefusesASizeThatIsNoPowerOfTwo) {
  Ring ring;
  EXPECT_THROW(ByteRing(ring.control, std::span(ring.data).first(12)), TransportError);
}

}  // namespace
}  // namespace mpx::detail
