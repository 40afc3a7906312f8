#include "core/segments.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <thread>
#include <vector>

#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

constexpr std::size_t kSize = 1 << 20;

UniqueFd copy_of(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

Bytes filled(std::size_t size, int with) {
  Bytes bytes(size);
  std::memset(bytes.data(), with, size);
  return bytes;
}

bool all_are(const Bytes& bytes, int value) {
  for (const auto byte : bytes) {
    if (static_cast<int>(byte) != value) return false;
  }
  return true;
}

/// A segment that is not one of this process's, as another one sends it.
UniqueFd foreign(std::size_t size, int with, int seals = F_SEAL_SHRINK) {
  UniqueFd fd(::memfd_create("foreign", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0);
  const std::vector<char> bytes(size, static_cast<char>(with));
  EXPECT_EQ(::pwrite(fd.get(), bytes.data(), size, 0), static_cast<ssize_t>(size));
  EXPECT_TRUE(seals == 0 || ::fcntl(fd.get(), F_ADD_SEALS, seals) == 0);
  return fd;
}

struct SegmentsTest : testing::Test {
  void SetUp() override { drop_kept_segments(); }
  void TearDown() override {
    EXPECT_EQ(segment_counts().used, 0u);
    drop_kept_segments();
    EXPECT_EQ(segment_counts().free + segment_counts().given, 0u);
  }
};

TEST_F(SegmentsTest, LargeBytesAreInOneAndSmallOnesAreNot) {
  const Bytes large(kLargeBytes), small(kLargeBytes - 1);
  ASSERT_TRUE(find_segment(large));
  EXPECT_TRUE(find_segment(large)->own);
  EXPECT_EQ(find_segment(ByteView(large).subspan(100))->offset, 100u);
  EXPECT_FALSE(find_segment(small));
  EXPECT_EQ(segment_counts().used, 1u);
}

TEST_F(SegmentsTest, AFreeOneServesTheNextLargeBytes) {
  const auto* place = Bytes(kSize).data();
  EXPECT_EQ(segment_counts().free, 1u);
  const Bytes again(kSize - 1000);
  EXPECT_EQ(again.data(), place);
  const Bytes more(kSize);
  EXPECT_NE(more.data(), place);
  EXPECT_EQ(segment_counts().used, 2u);
}

TEST_F(SegmentsTest, AMuchLargerOneDoesNot) {
  static_cast<void>(Bytes(20 * kSize));
  const Bytes small(kSize);
  EXPECT_EQ(segment_counts().free, 1u);
}

TEST_F(SegmentsTest, WhatIsKeptIsBounded) {
  {
    std::vector<Bytes> many(100);
    for (auto& bytes : many) bytes.resize(kLargeBytes);
    EXPECT_EQ(segment_counts().used, 100u);
  }
  EXPECT_LE(segment_counts().free, 32u);
  static_cast<void>(Bytes(std::size_t{200} << 20));
  EXPECT_LE(segment_counts().free, 32u);
}

TEST_F(SegmentsTest, OneThatIsGivenAwayIsNotUsedAgainUntilItComesBack) {
  UniqueFd other;
  const std::byte* place = nullptr;
  {
    const Large large(filled(kSize, 1));
    const auto bytes = large.view();
    place = bytes.data();
    other = copy_of(find_segment(bytes)->fd);
    EXPECT_EQ(pass_segment(large), kLargeGiven);
    EXPECT_FALSE(find_segment(bytes)->own);
  }
  EXPECT_EQ(segment_counts().given, 1u) << "its mapping is kept";
  {
    const Bytes next(kSize);
    EXPECT_NE(next.data(), place);
  }
  const auto back = receive_segment(std::move(other), 0, kSize, true);
  EXPECT_EQ(back.data(), place) << "in the mapping that was kept";
  EXPECT_TRUE(all_are(back, 1));
  EXPECT_TRUE(find_segment(back)->own);
}

TEST_F(SegmentsTest, OneThatIsLentIsNeverUsedAgain) {
  {
    const Large bytes{Bytes(kSize)};
    const auto holder = bytes;
    EXPECT_EQ(pass_segment(bytes), kLargeLent) << "somebody else holds it";
    EXPECT_FALSE(find_segment(bytes.view())->own);
    EXPECT_EQ(pass_segment(bytes), kLargeLent) << "nor is it given to the next";
  }
  EXPECT_EQ(segment_counts().free + segment_counts().given, 0u);
}

TEST_F(SegmentsTest, OneThatWasReceivedForGoodServesThisProcess) {
  const std::byte* place = nullptr;
  {
    const auto bytes = receive_segment(foreign(kSize, 7), 0, kSize, true);
    place = bytes.data();
    EXPECT_TRUE(all_are(bytes, 7));
  }
  EXPECT_EQ(Bytes(kSize).data(), place);
}

TEST_F(SegmentsTest, ABorrowedOneDoesNot) {
  {
    const auto bytes = receive_segment(foreign(kSize, 7), 0, kSize, false);
    EXPECT_FALSE(find_segment(bytes)->own);
  }
  EXPECT_EQ(segment_counts().free + segment_counts().given, 0u);
}

TEST_F(SegmentsTest, ABorrowedOneIsTakenOverOnceNobodyElseReadsIt) {
  {
    const auto bytes = receive_segment(foreign(kSize, 7), 0, kSize, false);
    take_over_segment(bytes);
    EXPECT_TRUE(find_segment(bytes)->own);
  }
  EXPECT_EQ(segment_counts().free, 1u);
}

TEST_F(SegmentsTest, PartsOfOneShareItsMapping) {
  auto fd = foreign(2 * kSize, 3);
  const auto first = receive_segment(copy_of(fd.get()), 0, kSize, false);
  const auto second = receive_segment(std::move(fd), kSize, kSize, false);
  EXPECT_EQ(second.data(), first.data() + kSize);
  EXPECT_TRUE(all_are(second, 3));
  EXPECT_EQ(segment_counts().used, 1u);
}

TEST_F(SegmentsTest, WhatCannotBeTrustedIsRefused) {
  EXPECT_THROW(static_cast<void>(receive_segment(foreign(kSize, 1, 0), 0, kSize, true)),
               TransportError)
      << "it may shrink";
  EXPECT_THROW(static_cast<void>(receive_segment(foreign(kSize, 1), 0, kSize + 1, true)),
               TransportError)
      << "too short";
  EXPECT_THROW(
      static_cast<void>(receive_segment(foreign(kSize, 1), ~std::uint64_t{0}, kSize, true)),
      TransportError);
  EXPECT_THROW(static_cast<void>(receive_segment(foreign(kSize, 1), 0, 8, true)), TransportError)
      << "not large";
  UniqueFd file(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  EXPECT_THROW(static_cast<void>(receive_segment(std::move(file), 0, kSize, true)), TransportError);
  EXPECT_THROW(static_cast<void>(receive_segment(UniqueFd(), 0, kSize, true)), TransportError);
}

/// Sets a limit of this process while it lives.
class Limited {
 public:
  Limited(int resource, rlim_t soft) : resource_(resource) {
    ::getrlimit(static_cast<__rlimit_resource>(resource_), &before_);
    const rlimit now{soft, before_.rlim_max};
    ::setrlimit(static_cast<__rlimit_resource>(resource_), &now);
  }
  ~Limited() { ::setrlimit(static_cast<__rlimit_resource>(resource_), &before_); }
  Limited(const Limited&) = delete;
  Limited& operator=(const Limited&) = delete;

 private:
  int resource_;
  rlimit before_{};
};

TEST_F(SegmentsTest, AQuarterOfTheDescriptorsIsUsedAndThenPrivateMemory) {
  const Limited limited(RLIMIT_NOFILE, 64);
  std::vector<Bytes> many(40);
  for (auto& bytes : many) bytes = filled(kLargeBytes, 5);
  EXPECT_EQ(segment_counts().used, 16u);
  const auto received = receive_segment(foreign(kSize, 9), 0, kSize, true);
  EXPECT_FALSE(find_segment(received)) << "it is a copy";
  EXPECT_TRUE(all_are(received, 9));
  for (const auto& bytes : many) EXPECT_TRUE(all_are(bytes, 5));
}

TEST_F(SegmentsTest, WithoutADescriptorThereIsPrivateMemory) {
  const Limited limited(RLIMIT_NOFILE, 0);
  const auto bytes = filled(kSize, 5);
  EXPECT_FALSE(find_segment(bytes));
}

TEST_F(SegmentsTest, WhereFilesMustBeShortThereIsPrivateMemoryAndNoSignal) {
  const Limited limited(RLIMIT_FSIZE, kSize);
  const Bytes small(kLargeBytes);
  EXPECT_TRUE(find_segment(small));
  const auto large = filled(4 * kSize, 5);
  EXPECT_FALSE(find_segment(large));
}

TEST_F(SegmentsTest, MoreThanThereIsCanBeThrows) {
  try {
    Bytes bytes;
    bytes.reserve(std::size_t{1} << 46);
    FAIL();
  } catch (const std::bad_alloc& error) {
    EXPECT_NE(std::string(error.what()).find("70368744177664 bytes of shared memory"),
              std::string::npos)
        << error.what();
  }
}

TEST_F(SegmentsTest, ASpareOneIsNotMuchLarger) {
  EXPECT_FALSE(spare_segment(kSize));
  static_cast<void>(Bytes(kSize));
  EXPECT_FALSE(spare_segment(20 * kSize));
  const auto spare = spare_segment(kSize);
  ASSERT_TRUE(spare);
  EXPECT_GE(spare->size(), kSize);
  EXPECT_FALSE(spare_segment(kSize)) << "it is in use";
}

TEST_F(SegmentsTest, OnlyWhoHasTwoHasASurplus) {
  static_cast<void>(Bytes(kSize));
  EXPECT_FALSE(surplus_segment());
  const std::byte* first = nullptr;
  {
    const Bytes a(kSize);
    first = a.data();
    const Bytes b(kSize);
  }
  ASSERT_EQ(segment_counts().free, 2u);
  const auto surplus = surplus_segment();
  ASSERT_TRUE(surplus);
  EXPECT_NE(surplus->data(), first) << "which was freed last";
  EXPECT_FALSE(surplus_segment());
}

TEST_F(SegmentsTest, ThreadsMayAllUseThem) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 200; ++i) {
        const auto bytes = filled(kLargeBytes + static_cast<std::size_t>(i) * 1000, t);
        ASSERT_TRUE(all_are(bytes, t));
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace mpx::detail
