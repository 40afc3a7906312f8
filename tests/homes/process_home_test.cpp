#include "homes/process_home.hpp"

#include <gtest/gtest.h>

#include <csignal>

#include "support/homes.hpp"

namespace mpx::detail {
namespace {

struct ProcessHomeTest : testing::Test {
  Directory directory{{{"alpha", 0, 0}, {"beta", 2, 0}}};
  const ProcessId parent{0, 0}, other = process(7);
  std::unique_ptr<ProcessHome> home =
      std::make_unique<ProcessHome>(ObjectId{0, 1, parent}, directory);
  Collected out;
  ProcessId child;

  void start(std::uint64_t call, int rank = -1) {
    StartRequest wanted;
    wanted.name = "worker";
    wanted.rank = rank;
    home->on(request(Kind::process_start, parent, call), {Packer::pack(wanted), {}}, out);
    if (const auto frame = out.pop(Kind::spawn)) child = frame->header.to;
  }
  void spawned(int pid, const std::string& trouble = "") {
    directory.on(request(Kind::spawned, child), {Packer::pack(std::int32_t{pid}, trouble), {}},
                 out);
  }
  void ended(int exit_code) { directory.on_ended(child, facts_of(child, exit_code), out); }
  void watch(ProcessId who, std::uint64_t call) {
    home->on(request(Kind::process_watch, who, call), {}, out);
  }
};

TEST_F(ProcessHomeTest, AStartIsAnsweredWhenTheProcessIsThere) {
  start(1);
  EXPECT_EQ(out.answer(parent, 1), std::nullopt);
  spawned(4711);
  auto reply = out.pop(Kind::reply, parent);
  ASSERT_TRUE(reply);
  Unpacker in(reply->body);
  EXPECT_EQ(in.get<ProcessId>(), child);
  const auto facts = in.get<ProcessFacts>();
  EXPECT_EQ(facts.pid, 4711);
  EXPECT_EQ(facts.host, "beta");
  EXPECT_EQ(facts.name, "worker");
}

TEST_F(ProcessHomeTest, ASecondStartIsAUsageError) {
  start(1);
  spawned(1);
  start(2);
  EXPECT_EQ(out.answer(parent, 2), Status::usage);
  EXPECT_EQ(directory.live(), 1u);
}

TEST_F(ProcessHomeTest, AStartThatCannotBeMetMayBeTriedAgain) {
  start(1, 5);
  EXPECT_EQ(out.answer(parent, 1), Status::usage);
  start(2);
  spawned(1);
  EXPECT_EQ(out.answer(parent, 2), Status::ok);
}

TEST_F(ProcessHomeTest, AFailedForkIsALaunchErrorAndMayBeTriedAgain) {
  start(1);
  spawned(0, "no more of them");
  EXPECT_EQ(out.answer(parent, 1), Status::failed);
  ended(1);
  start(2);
  spawned(5);
  EXPECT_EQ(out.answer(parent, 2), Status::ok);
}

TEST_F(ProcessHomeTest, AllWhoJoinAreToldTheEnd) {
  start(1);
  spawned(1);
  watch(parent, 2);
  watch(other, 3);
  ended(-9);
  const auto reply = out.pop(Kind::reply, other);
  ASSERT_TRUE(reply);
  const auto facts = Unpacker(reply->body).get<ProcessFacts>();
  EXPECT_EQ(facts.exit_code, -9);
  EXPECT_EQ(facts.ended, 1);
  watch(other, 4);
  EXPECT_EQ(out.answer(other, 4), Status::ok) << "later ones at once";
}

TEST_F(ProcessHomeTest, AJoinCanGiveUpAndADeadJoinerIsForgotten) {
  start(1);
  spawned(1);
  watch(parent, 2);
  watch(other, 3);
  home->on_cancel(parent, 2, out);
  out.pop(Kind::reply, parent);  // of the start
  EXPECT_EQ(out.answer(parent, 2), Status::no);
  home->on_ended(other, facts_of(other, -9), out);
  ended(0);
  EXPECT_EQ(out.answer(parent, 2), std::nullopt);
  EXPECT_EQ(out.answer(other, 3), std::nullopt);
}

TEST_F(ProcessHomeTest, APollTellsWhatIsKnown) {
  start(1);
  spawned(1);
  out.take();
  const auto ended_now = [&] {
    home->on(request(Kind::process_poll, other, 2), {}, out);
    const auto reply = out.pop(Kind::reply, other);
    return reply ? std::get<1>(Unpacker::unpack<ProcessId, ProcessFacts>(reply->body)).ended : 9;
  };
  EXPECT_EQ(ended_now(), 0);
  ended(3);
  EXPECT_EQ(ended_now(), 1);
}

TEST_F(ProcessHomeTest, ASignalGoesToTheProcessWhileItLives) {
  start(1);
  spawned(1);
  const Payload term{Packer::pack(std::int32_t{SIGTERM}), {}};
  home->on(request(Kind::process_signal, other, 2), Payload(term), out);
  const auto signal = out.pop(Kind::signal, child);
  ASSERT_TRUE(signal);
  EXPECT_EQ(std::pair(signal->header.from, signal->header.call),
            std::pair(other, std::uint64_t{2}));
  EXPECT_EQ(out.answer(other, 2), std::nullopt) << "its rank answers, when it has been sent";
  ended(-15);
  home->on(request(Kind::process_signal, other, 3), Payload(term), out);
  EXPECT_FALSE(out.pop(Kind::signal, child));
  EXPECT_EQ(out.answer(other, 3), Status::ok);
}

TEST_F(ProcessHomeTest, MayBeFreedBeforeItsProcessEnds) {
  start(1);
  spawned(1);
  home.reset();
  ended(0);
  EXPECT_EQ(directory.live(), 0u);
}

}  // namespace
}  // namespace mpx::detail
