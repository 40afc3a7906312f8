#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <mpx/mpx.hpp>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct Echo {
  static void run(const mpx::Connection& connection) {
    try {
      while (true) connection.send(connection.recv<std::string>());
    } catch (const mpx::Closed&) {
    }
  }
};

TEST(Pipe, CarriesValuesBothWays) {
  auto [a, b] = mpx::pipe();
  mpx::Process process(Echo::run, b);
  process.start();
  b.close();
  for (const auto& text :
       {std::string(), std::string("x"), std::string(100'000, 'y'), std::string(5'000'000, 'z')}) {
    a.send(text);
    EXPECT_EQ(a.recv<std::string>(), text);
  }
  a.close();
  process.join();
  EXPECT_EQ(process.exit_code(), 0);
  EXPECT_THROW(a.send(1), mpx::UsageError);
}

TEST(Pipe, AMessageOfTheSeed) {
  auto [a, b] = mpx::pipe();
  using Message = std::tuple<int, std::string, std::optional<int>>;
  mpx::Process process([](mpx::Connection c) { c.send(Message{5, "foo", std::nullopt}); }, b);
  process.start();
  EXPECT_EQ(a.recv<Message>(), (Message{5, "foo", std::nullopt}));
  process.join();
}

TEST(Pipe, AWrongTypeIsRefusedAndTheMessageKept) {
  auto [a, b] = mpx::pipe();
  a.send(17);
  try {
    static_cast<void>(b.recv<std::string>());
    FAIL();
  } catch (const mpx::CodecError& error) {
    EXPECT_NE(std::string(error.what()).find("int"), std::string::npos) << error.what();
  }
  EXPECT_EQ(b.recv<int>(), 17);
}

TEST(Pipe, PollTellsWhetherAMessageIsThere) {
  auto [a, b] = mpx::pipe();
  EXPECT_FALSE(b.poll());
  EXPECT_FALSE(b.poll_for(10ms));
  a.send(1);
  EXPECT_TRUE(b.poll_for(10s));
  EXPECT_TRUE(b.poll());
  EXPECT_EQ(b.recv<int>(), 1);
  EXPECT_FALSE(b.poll());
}

TEST(Pipe, AfterCloseWhatWasSentIsDrained) {
  auto [a, b] = mpx::pipe();
  a.send(1);
  a.send(2);
  a.close();
  EXPECT_EQ(b.recv<int>(), 1);
  EXPECT_EQ(b.recv<int>(), 2);
  EXPECT_THROW(b.recv<int>(), mpx::Closed);
  EXPECT_TRUE(b.poll());
}

TEST(Pipe, TheDeathOfTheOtherEndIsTold) {
  auto [a, b] = mpx::pipe();
  mpx::Process process(
      [](mpx::Connection c) {
        c.send(1);
        ::raise(SIGKILL);
      },
      b);
  process.start();
  EXPECT_EQ(a.recv<int>(), 1);
  try {
    a.recv<int>();
    FAIL();
  } catch (const mpx::ProcessLost& lost) {
    EXPECT_EQ(lost.who().exit_code, -SIGKILL);
    EXPECT_EQ(lost.who().pid, process.pid());
  }
  process.join();
}

/// What recv throws, by name, after `count` messages.
std::string fate_of(const mpx::Connection& end, int count) {
  for (int i = 0; i < count; ++i) EXPECT_EQ(end.recv<int>(), i);
  try {
    end.recv<int>();
  } catch (const mpx::ProcessLost&) {
    return "ProcessLost";
  } catch (const mpx::Closed&) {
    return "Closed";
  }
  return "a message";
}

void send_one_and_die(mpx::Connection end) {
  end.send(0);
  ::raise(SIGKILL);
}

// Whether it had used its end or not, and whether this process had used its own by then or not.
TEST(Pipe, TheDeathOfTheOtherEndIsToldHoweverFarItGot) {
  const auto dead = [](void (*body)(mpx::Connection), bool keeps) {
    auto [near, far] = mpx::pipe();
    mpx::Process process(body, far);
    process.start();
    if (!keeps) far.close();
    process.join();
    return std::pair(near, far);
  };
  for (const bool keeps : {false, true}) {
    SCOPED_TRACE(keeps);
    EXPECT_EQ(fate_of(dead(send_one_and_die, keeps).first, 1), "ProcessLost");
    EXPECT_EQ(fate_of(dead([](mpx::Connection) { ::raise(SIGKILL); }, keeps).first, 0),
              "ProcessLost");
    auto [near, far] = dead([](mpx::Connection) { ::raise(SIGKILL); }, keeps);
    EXPECT_THROW(for (int i = 0; i < 1000; ++i) near.send(i), mpx::ProcessLost);
  }
  EXPECT_EQ(fate_of(dead([](mpx::Connection end) { end.send(0); }, false).first, 1), "Closed");
}

TEST(Pipe, TheDeathOfWhoWaitsInRecvIsToldToWhoSends) {
  auto [near, far] = mpx::pipe();
  mpx::Process process([](mpx::Connection end) { end.recv<int>(), end.recv<int>(); }, far);
  process.start();
  near.send(0);
  process.kill();
  process.join();
  EXPECT_THROW(for (int i = 0; i < 1000; ++i) near.send(i), mpx::ProcessLost);
  EXPECT_EQ(fate_of(near, 0), "ProcessLost");
  // With another process at the other end it goes on.
  mpx::Process other([](mpx::Connection end) { end.send(0); }, far);
  other.start();
  EXPECT_EQ(near.recv<int>(), 0);
  near.send(1);
  other.join();
}

TEST(Pipe, AnEndThatIsClosedBeforeItsProcessStartsIsClosedThere) {
  auto [receiver, sender] = mpx::pipe(mpx::simplex);
  mpx::Process process([](mpx::Connection end) { end.recv<int>(); }, receiver);
  receiver.close();
  process.start();
  process.join();
  EXPECT_EQ(process.exit_code(), 1) << "Closed, and no wait for ever as it goes";
  EXPECT_THROW(mpx::Process([](mpx::Connection end) { end.recv<int>(); }, receiver),
               mpx::UsageError);
}

TEST(Pipe, SimplexIsOneWay) {
  auto [receiver, sender] = mpx::pipe(mpx::simplex);
  EXPECT_FALSE(receiver.writable());
  EXPECT_FALSE(sender.readable());
  sender.send(3);
  EXPECT_EQ(receiver.recv<int>(), 3);
  EXPECT_THROW(receiver.send(1), mpx::UsageError);
  EXPECT_THROW(sender.recv<int>(), mpx::UsageError);
}

TEST(Pipe, BytesKeepTheirBoundaries) {
  auto [a, b] = mpx::pipe();
  const std::vector<std::byte> bytes(10, std::byte{7});
  a.send_bytes(bytes);
  a.send_bytes({});
  EXPECT_EQ(b.recv_bytes(), bytes);
  EXPECT_TRUE(b.recv_bytes().empty());
  a.send_bytes(bytes);
  try {
    static_cast<void>(b.recv_bytes(5));
    FAIL();
  } catch (const mpx::BufferTooShort& error) {
    EXPECT_EQ(error.message(), bytes);
  }
}

TEST(Pipe, BytesGoIntoABuffer) {
  auto [a, b] = mpx::pipe();
  const std::vector<std::byte> bytes(10, std::byte{7});
  std::vector<std::byte> buffer(12, std::byte{1});
  a.send_bytes(bytes);
  EXPECT_EQ(b.recv_bytes_into(buffer), 10u);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), buffer.begin()));
  EXPECT_EQ(buffer[10], std::byte{1});
  a.send_bytes({});
  EXPECT_EQ(b.recv_bytes_into({}), 0u);
  a.send_bytes(bytes);
  try {
    b.recv_bytes_into({buffer.data(), 9});
    FAIL();
  } catch (const mpx::BufferTooShort& error) {
    EXPECT_EQ(error.message(), bytes);
  }
  a.send(5);
  EXPECT_THROW(b.recv_bytes_into(buffer), mpx::CodecError);
  EXPECT_EQ(b.recv<int>(), 5);
}

TEST(Pipe, AnEndMovesWithItsUndeliveredMessages) {
  auto [a, b] = mpx::pipe();
  for (int i = 0; i < 10; ++i) a.send(i);
  EXPECT_EQ(b.recv<int>(), 0);
  auto [answer, question] = mpx::pipe();
  mpx::Process process(
      [](mpx::Connection in, mpx::Connection out) {
        int sum = 0;
        for (int i = 1; i < 10; ++i) {
          if (in.recv<int>() != i) std::abort();
          sum += i;
        }
        out.send(sum);
      },
      b, question);
  process.start();
  EXPECT_EQ(answer.recv<int>(), 45);
  process.join();
}

// A process receives one message, passes the end on and ends: what had come to it goes on too.
TEST(Pipe, AnEndPassedOnByAProcessThatEndsTakesItsMessagesAlong) {
  auto [a, b] = mpx::pipe();
  auto [near, far] = mpx::pipe();
  for (int i = 0; i < 10; ++i) a.send(i);
  mpx::Process first(
      [](mpx::Connection from, mpx::Connection onward) {
        static mpx::Connection kept;  // a static handle lives beyond the call
        kept = from;
        onward.send(kept.recv<int>());
        onward.send(kept);
      },
      b, far);
  first.start();
  b.close();
  EXPECT_EQ(near.recv<int>(), 0);
  const auto passed = near.recv<mpx::Connection>();
  first.join();
  for (int i = 10; i < 20; ++i) a.send(i);
  for (int i = 1; i < 20; ++i) ASSERT_EQ(passed.recv<int>(), i);
}

// Two processes of a node get a direct channel, and the receiver changes in the middle of it.
TEST(Pipe, KeepsTheOrderOfManyMessagesWhoeverReceives) {
  constexpr int kMessages = 50'000;
  auto [from, to] = mpx::pipe(mpx::simplex);
  mpx::Process sender(
      [](mpx::Connection out) {
        const std::string large(300'000, 'x');  // goes another way, and must not overtake
        for (int i = 0; i < kMessages; ++i) {
          out.send(std::pair(i, i % 5000 == 4999 ? large : std::string()));
        }
      },
      to);
  sender.start();
  to.close();
  for (int part = 0; part < 5; ++part) {
    mpx::Value<int> seen(0);
    mpx::Process receiver(
        [](mpx::Connection in, int first, mpx::Value<int> next) {
          for (int i = first; i < first + kMessages / 5; ++i) {
            if (in.recv<std::pair<int, std::string>>().first != i) mpx::exit(1);
          }
          next.store(first + kMessages / 5);
        },
        from, part * kMessages / 5, seen);
    receiver.start();
    receiver.join();
    ASSERT_EQ(receiver.exit_code(), 0);
    ASSERT_EQ(seen.load(), (part + 1) * kMessages / 5);
  }
  sender.join();
  EXPECT_EQ(sender.exit_code(), 0);
  EXPECT_THROW(from.recv<int>(), mpx::Closed);
}

// Messages larger than all rings: each side sleeps for room, in the middle of one, again and again.
TEST(Pipe, LargeMessagesGoBackAndForthBetweenProcesses) {
  auto [a, b] = mpx::pipe();
  mpx::Process echo(
      [](mpx::Connection link) {
        for (int i = 0; i < 200; ++i) link.send(link.recv<std::vector<int>>());
      },
      b);
  mpx::Process asker(
      [](mpx::Connection link) {
        for (int i = 0; i < 200; ++i) {
          link.send(std::vector<int>(i % 2 == 0 ? 300'000 : 10, i));
          if (link.recv<std::vector<int>>().back() != i) mpx::exit(1);
        }
      },
      a);
  echo.start();
  asker.start();
  asker.join();
  echo.join();
  EXPECT_EQ(asker.exit_code(), 0);
}

TEST(Pipe, TheDeathOfWhoSentDirectlyIsToldAfterItsMessages) {
  auto [from, to] = mpx::pipe(mpx::simplex);
  mpx::Queue<int> counts;
  mpx::Process receiver(
      [](mpx::Connection in, mpx::Queue<int> out) {
        int count = 0;
        try {
          while (true) {
            if (in.recv<int>() != count++) mpx::exit(1);
            if (count == 1000) out.put(count);
          }
        } catch (const mpx::ProcessLost&) {
          out.put(count);
        }
      },
      from, counts);
  mpx::Process sender(
      [](mpx::Connection out) {
        for (int i = 0; i < 1500; ++i) out.send(i);
        ::raise(SIGKILL);
      },
      to);
  receiver.start();
  sender.start();
  EXPECT_EQ(counts.get(), 1000);
  EXPECT_EQ(counts.get(), 1500) << "what it had sent arrives, whatever became of it";
  sender.join();
  receiver.join();
  EXPECT_EQ(receiver.exit_code(), 0);
}

TEST(Pipe, AnEndInAMessageThatADeadProcessNeverReadIsClosed) {
  auto [a, b] = mpx::pipe();
  auto [near, far] = mpx::pipe();
  mpx::Process process(
      [](mpx::Connection from) {
        from.send(from.recv<int>());  // from now on messages come to this process
        while (true) ::pause();
      },
      far);
  process.start();
  near.send(1);
  EXPECT_EQ(near.recv<int>(), 1);
  near.send(b);
  b.close();
  process.kill();
  process.join();
  EXPECT_THROW(a.recv<int>(), mpx::Closed);
}

}  // namespace
