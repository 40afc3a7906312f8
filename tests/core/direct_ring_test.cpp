#include "core/direct_ring.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <cstring>
#include <string>
#include <thread>

#include "mpx/error.hpp"
#include "support/homes.hpp"

namespace mpx::detail {
namespace {

struct DirectRingTest : testing::Test {
  DirectBell bell;
  std::unique_ptr<DirectRing> reader = DirectRing::create(bell);
  std::unique_ptr<DirectRing> writer = DirectRing::open(reader->offer());

  bool write(const std::string& text) { return writer->write(text_payload(text).bytes); }
  std::string read() {
    const auto message = reader->read();
    return message ? text_of(*message) : "nothing";
  }
  [[nodiscard]] bool rung() const {
    pollfd wait{bell.fd(), POLLIN, 0};
    return ::poll(&wait, 1, 0) == 1;
  }
};

TEST_F(DirectRingTest, CarriesMessagesOfAllSizes) {
  for (const auto size :
       {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{8}, DirectRing::kMostBytes}) {
    EXPECT_TRUE(write(std::string(size, 'x')));
    EXPECT_TRUE(reader->readable());
    EXPECT_EQ(read(), std::string(size, 'x'));
  }
  EXPECT_FALSE(write(std::string(DirectRing::kMostBytes + 1, 'x')));
  EXPECT_FALSE(reader->readable());
}

TEST_F(DirectRingTest, IsFullAndThenHasRoomAgain) {
  int written = 0;
  while (write(std::string(1000, 'x'))) ++written;
  EXPECT_GT(written, 200);
  EXPECT_EQ(read(), std::string(1000, 'x'));
  EXPECT_TRUE(write("y")) << "across the end of the buffer";
  for (int i = 1; i < written; ++i) EXPECT_EQ(read().size(), 1000u);
  EXPECT_EQ(read(), "y");
  EXPECT_EQ(read(), "nothing");
}

TEST_F(DirectRingTest, WhatWasWrittenBeforeTheClosingIsReadAndNoMore) {
  EXPECT_TRUE(write("1"));
  reader->close();
  EXPECT_FALSE(write("2"));
  EXPECT_EQ(read(), "1");
  EXPECT_EQ(read(), "nothing");
  EXPECT_FALSE(reader->readable());
}

TEST_F(DirectRingTest, RingsOnlyASleeper) {
  EXPECT_TRUE(write("1"));
  EXPECT_FALSE(rung());
  reader->announce_sleep();
  EXPECT_TRUE(write("2"));
  EXPECT_TRUE(rung());
  bell.drain();
  EXPECT_TRUE(write("3"));
  EXPECT_FALSE(rung()) << "once is enough";
}

TEST_F(DirectRingTest, AThreadAtEachEndLosesNothingWheneverItCloses) {
  for (int round = 0; round < 200; ++round) {
    const auto in = DirectRing::create(bell);
    const auto out = DirectRing::open(in->offer());
    std::uint32_t written = 0, read = 0;
    std::thread thread([&] {
      Bytes message(sizeof written);
      while (written < 2000) {
        std::memcpy(message.data(), &written, sizeof written);
        if (!out->write(message)) break;
        ++written;
      }
    });
    const auto next = [&] {
      const auto message = in->read();
      if (!message) return false;
      std::uint32_t number = 0;
      std::memcpy(&number, message->data(), sizeof number);
      EXPECT_EQ(number, read++);
      return true;
    };
    while (read < static_cast<std::uint32_t>(round) * 5) {
      if (!next()) std::this_thread::yield();
    }
    in->close();
    thread.join();
    while (next()) {
    }
    EXPECT_EQ(read, written);
  }
}

TEST_F(DirectRingTest, AnOfferThatIsNotOneIsRefused) {
  auto offer = reader->offer();
  offer.token += 1;
  EXPECT_THROW(DirectRing::open(offer), TransportError);
  offer = reader->offer();
  offer.memory = offer.bell;
  EXPECT_THROW(DirectRing::open(offer), TransportError);
  offer = reader->offer();
  offer.node += 1;
  EXPECT_THROW(DirectRing::open(offer), TransportError);
  offer = reader->offer();
  offer.pid = 1 << 30;
  EXPECT_THROW(DirectRing::open(offer), TransportError);
}

}  // namespace
}  // namespace mpx::detail
