#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <random>
#include <stdexcept>
#include <vector>

#include "mpx/error.hpp"
#include "ranks/transport_support.hpp"
#include "transport/batch.hpp"

namespace mpx::detail::ranks {
namespace {

/// Seed of frame `number` from one rank to another.
std::uint64_t seed(int from, int to, std::uint64_t number) {
  return (static_cast<std::uint64_t>(from) * 64 + static_cast<std::uint64_t>(to)) * 1'000'003 +
         number;
}

/// Receives from all ranks and checks that the frames of each come in order and unharmed.
class Checker {
 public:
  Checker(int rank, int size) : rank_(rank), next_(static_cast<std::size_t>(size)) {}

  void operator()(const Frame& frame) {
    auto& next = next_[static_cast<std::size_t>(source(frame))];
    EXPECT_EQ(frame.header.call, next);
    EXPECT_EQ(frame.header.length, frame.body.size());
    EXPECT_TRUE(has_pattern(frame.body, seed(source(frame), rank_, frame.header.call)))
        << "frame " << frame.header.call << " of rank " << source(frame) << ", "
        << frame.body.size() << " bytes";
    ++next;
    ++total_;
  }
  [[nodiscard]] std::uint64_t total() const { return total_; }

 private:
  int rank_;
  std::vector<std::uint64_t> next_;
  std::uint64_t total_ = 0;
};

class Frames : public RankTest {
 protected:
  /// Sends each of `sizes` in turn to every other rank, and receives the same from them.
  void exchange(const std::vector<std::size_t>& sizes) {
    Checker checker(rank(), size());
    const auto deliver = [&](Frame&& frame) { checker(frame); };
    for (std::uint64_t number = 0; number < sizes.size(); ++number)
      for (int to = 0; to < size(); ++to) {
        if (to == rank()) continue;
        transport().send(to, frame(rank(), number, sizes[number], seed(rank(), to, number)));
        if (number % 64 == 0) transport().poll(deliver);
      }
    const auto expected = sizes.size() * static_cast<std::size_t>(size() - 1);
    drive(deliver, [&] { return checker.total() == expected; });
    EXPECT_EQ(checker.total(), expected);
  }
};

TEST_F(Frames, DrainLeavesNothingInTheNetwork) {
  for (int to = 0; to < size(); ++to) {
    if (to == rank()) continue;
    for (const std::size_t bytes : {0, 100, 10'000, 100'000, 3'000'000})
      transport().send(to, frame(rank(), bytes, bytes, 1));
  }
  transport().drain();
  session().barrier();
  std::size_t late = 0;
  for (int i = 0; i < 1000; ++i) late += transport().poll([](Frame&&) {});
  EXPECT_EQ(late, 0u);
  EXPECT_FALSE(transport().busy());
}

TEST_F(Frames, OfOneSourceArriveInOrder) {
  std::mt19937 random(1);
  std::vector<std::size_t> sizes(5000);
  for (auto& bytes : sizes) bytes = random() % 200;
  exchange(sizes);
}

TEST_F(Frames, OfEverySizeArriveWhole) {
  constexpr std::size_t kFits = kBatchBytes - sizeof(FrameHeader);
  std::vector<std::size_t> sizes;
  for (int round = 0; round < 3; ++round)
    for (const std::size_t bytes :
         {std::size_t{0}, std::size_t{1}, std::size_t{3943}, std::size_t{3944}, std::size_t{3945},
          kFits - 1, kFits, kFits + 1, std::size_t{65535}, std::size_t{65536}, std::size_t{65537},
          std::size_t{1} << 20, std::size_t{5}})
      sizes.push_back(bytes);
  exchange(sizes);
}

TEST_F(Frames, OfAHundredMegabytesPassBothWaysAtOnce) { exchange({std::size_t{100} << 20, 8, 0}); }

// More than a socket takes at once, so that some large parts go as descriptors and some by MPI; nothing
// else is delivered, and the transport comes to rest.
TEST_F(Frames, WithLargePartsArriveInOrderOnEitherWay) {
  constexpr std::uint64_t kRounds = 3, kCount = 40;
  constexpr std::size_t kBytes = 300'000;
  std::vector<std::uint64_t> seen(static_cast<std::size_t>(size()));
  std::vector<Large> kept;  // then there are none to be used again, nor to be given back
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    for (std::uint64_t i = 0; i < kCount; ++i) {
      for (int to = 0; to < size(); ++to) {
        if (to == rank()) continue;
        auto sent = frame(rank(), round * kCount + i, i % 3 == 0 ? 5000 : 20, i);
        sent.large = Large(pattern(kBytes + i, i + 1));
        if (i % 5 == 0) kept.push_back(sent.large);
        transport().send(to, std::move(sent));
      }
    }
    drive(
        [&](Frame&& got) {
          const auto from = static_cast<std::size_t>(source(got));
          EXPECT_EQ(got.header.call, seen.at(from));
          const auto number = seen.at(from)++ % kCount;
          EXPECT_EQ(got.header.large, kBytes + number);
          EXPECT_TRUE(has_pattern(got.body, number));
          EXPECT_TRUE(has_pattern(std::move(got.large).take(), number + 1));
        },
        [&] {
          for (std::size_t from = 0; from < seen.size(); ++from) {
            if (static_cast<int>(from) != rank() && seen[from] < (round + 1) * kCount) return false;
          }
          return true;
        });
  }
}

TEST_F(Frames, SurviveAStormOfRandomSizes) {
  std::mt19937 random(2);
  std::vector<std::size_t> sizes(3000);
  for (auto& bytes : sizes) {
    const auto kind = random() % 20;
    bytes = random() % (kind == 0 ? 200'000u : kind < 5 ? 20'000u : 300u);
  }
  exchange(sizes);
}

TEST_F(Frames, MayBeSentFromTheDeliveryOfOthers) {
  constexpr std::uint64_t kHops = 2000;
  if (size() == 1) GTEST_SKIP() << "needs two ranks";
  const int next = (rank() + 1) % size();
  std::uint64_t seen = 0;
  transport().send(next, frame(rank(), 0, 8, 0));
  drive(
      [&](Frame&& got) {
        ++seen;
        EXPECT_TRUE(has_pattern(got.body, got.header.call));
        const auto hop = got.header.call + 1;
        if (hop < kHops) transport().send(next, frame(rank(), hop, 8, hop));
      },
      [&] { return seen == kHops; });
}

TEST_F(Frames, AfterAThrowingDeliveryComeWithTheNextPoll) {
  if (size() == 1) GTEST_SKIP() << "needs two ranks";
  constexpr std::uint64_t kCount = 10;
  const std::vector<std::size_t> sizes = {8, 8, 6000, 6000, 100'000, 8, 8, 6000, 100'000, 8};
  for (int to = 0; to < size(); ++to)
    if (to != rank())
      for (std::uint64_t number = 0; number < kCount; ++number)
        transport().send(to, frame(rank(), number, sizes[number], seed(rank(), to, number)));
  Checker checker(rank(), size());
  std::uint64_t thrown = 0;
  const auto expected = kCount * static_cast<std::uint64_t>(size() - 1);
  while (checker.total() < expected || transport().busy()) {
    try {
      if (transport().poll([&](Frame&& got) {
            checker(got);
            throw std::runtime_error("on purpose");
          }) == 0)
        ::sched_yield();
    } catch (const std::runtime_error&) {
      ++thrown;
    }
  }
  EXPECT_EQ(thrown, expected);
}

TEST_F(Frames, ToOneselfOrToNobodyAreRefused) {
  EXPECT_THROW(transport().send(rank(), Frame{}), TransportError);
  EXPECT_THROW(transport().send(-1, Frame{}), TransportError);
  EXPECT_THROW(transport().send(size(), Frame{}), TransportError);
}

/// Lets this process have only so much more address space than it has.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::size_t more_bytes) {
    ::getrlimit(RLIMIT_AS, &before_);
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit limit = before_;
    limit.rlim_cur = pages * static_cast<std::size_t>(::getpagesize()) + more_bytes;
    ::setrlimit(RLIMIT_AS, &limit);
  }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;
  ~MemoryLimit() { ::setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

TEST_F(Frames, WithoutMemoryForThemAreAClearErrorAndComeOnceThereIs) {
  if (size() == 1) GTEST_SKIP() << "needs two ranks";
  constexpr std::size_t kBytes = std::size_t{200} << 20;
  if (rank() == 0) {
    transport().send(1, frame(0, 0, kBytes, 0));
    transport().send(1, frame(0, 1, 100'000, 1));
    transport().send(1, frame(0, 2, 8, 2));
    drive([](Frame&&) {}, [] { return true; });
  } else if (rank() == 1) {
    std::uint64_t next = 0;
    const auto deliver = [&](Frame&& got) {
      EXPECT_EQ(got.header.call, next);
      EXPECT_TRUE(has_pattern(got.body, got.header.call));
      ++next;
    };
    std::string error;
    {
      const MemoryLimit limit(kBytes / 2);
      while (error.empty()) {
        try {
          if (transport().poll(deliver) == 0) ::sched_yield();
        } catch (const TransportError& lack) {
          error = lack.what();
        }
      }
    }
    EXPECT_EQ(error,
              "rank 1 has no memory for a message of 209715200 bytes from rank 0; nothing more can "
              "be taken from that rank until there is");
    EXPECT_EQ(next, 0u);
    drive(deliver, [&] { return next == 3; });
  }
}

TEST_F(Frames, CarryTheNamesOfTheirHosts) {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  EXPECT_EQ(transport().host(rank()), name);
  EXPECT_TRUE(transport().same_node(rank()));
  const auto texts = session().all_gather("rank " + std::to_string(rank()));
  ASSERT_EQ(texts.size(), static_cast<std::size_t>(size()));
  for (int other = 0; other < size(); ++other)
    EXPECT_EQ(texts[static_cast<std::size_t>(other)], "rank " + std::to_string(other));
}

}  // namespace
}  // namespace mpx::detail::ranks
