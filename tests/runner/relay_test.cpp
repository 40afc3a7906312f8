#include "relay.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <thread>

namespace mpx::runner {
namespace {

TEST(Relay, CarriesEverythingToASlowReaderAndReadsNoFurtherMeanwhile) {
  Pipe in;
  Pipe out;
  Relay relay(in.reader.get(), out.writer.get());
  const std::string text(1'000'000, 'x');
  std::thread writer([&] {
    for (std::size_t at = 0; at < text.size();) {
      const auto size = ::write(in.writer.get(), text.data() + at, text.size() - at);
      ASSERT_GT(size, 0);
      at += static_cast<std::size_t>(size);
    }
    in.writer.close();
  });
  std::size_t received = 0;
  std::thread reader([&] {
    char buffer[100];
    while (received < text.size()) {
      const auto size = ::read(out.reader.get(), buffer, sizeof buffer);
      if (size <= 0) return;
      received += static_cast<std::size_t>(size);
    }
  });
  while (!relay.ended() || !relay.idle()) {
    pollfd interest = relay.interest();
    ASSERT_EQ(::poll(&interest, 1, 10'000), 1);
    relay.write(relay.step());
  }
  writer.join();
  reader.join();
  EXPECT_EQ(received, text.size());
}

TEST(Relay, GoesOnWhenNobodyReadsAnyMore) {
  const auto old = ::signal(SIGPIPE, SIG_IGN);
  Pipe in;
  Pipe out;
  Relay relay(in.reader.get(), out.writer.get());
  out.reader.close();
  relay.write("lost");
  EXPECT_EQ(relay.step(), "");
  EXPECT_TRUE(relay.idle());
  EXPECT_EQ(relay.failure(), EPIPE);
  ::signal(SIGPIPE, old);
}

TEST(Relay, TellsThatItCannotWriteAndDropsTheRest) {
  Pipe in;
  const Fd full(::open("/dev/full", O_WRONLY));
  Relay relay(in.reader.get(), full.get());
  relay.write("lost");
  EXPECT_EQ(relay.step(), "");
  EXPECT_EQ(relay.failure(), ENOSPC);
  relay.write("lost too");
  EXPECT_TRUE(relay.idle());
}

}  // namespace
}  // namespace mpx::runner
