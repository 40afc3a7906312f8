#include "homes/cell_home.hpp"

#include <gtest/gtest.h>

#include "homes/lock_home.hpp"
#include "support/homes.hpp"
#include "transport/memory_words.hpp"

namespace mpx::detail {
namespace {

struct CellHomeTest : testing::Test {
  MemoryWords words{std::make_shared<MemoryWordSpace>(1, 8), 0};
  WordRef lock = *words.allocate(0);
  CellHome cell{words, lock, std::nullopt, text_payload("0123456789").bytes};
  Collected out;
  const ProcessId a = process(1), b = process(2);

  /// The status and the text of the answer to a request.
  std::pair<Status, std::string> ask(Kind kind, const std::string& arguments) {
    cell.on(request(kind, a, 1), text_payload(arguments), out);
    auto reply = out.pop(Kind::reply, a);
    if (!reply) return {Status::no_object, "no answer"};
    return {static_cast<Status>(reply->header.status), text_of(reply->body)};
  }
};

TEST_F(CellHomeTest, ReadsAndWrites) {
  EXPECT_EQ(ask(Kind::cell_read, ""), std::pair(Status::ok, std::string("0123456789")));
  EXPECT_EQ(ask(Kind::cell_write, "abcdefghij").first, Status::ok);
  EXPECT_EQ(ask(Kind::cell_read, "").second, "abcdefghij");
}

TEST_F(CellHomeTest, ExchangesForTheOldValue) {
  EXPECT_EQ(ask(Kind::cell_exchange, "abcdefghij"),
            std::pair(Status::ok, std::string("0123456789")));
  EXPECT_EQ(ask(Kind::cell_read, "").second, "abcdefghij");
}

TEST_F(CellHomeTest, ComparesAllBytesBeforeItStores) {
  EXPECT_EQ(ask(Kind::cell_compare, "0123456788abcdefghij"),
            std::pair(Status::no, std::string("0123456789")));
  EXPECT_EQ(ask(Kind::cell_read, "").second, "0123456789");
  EXPECT_EQ(ask(Kind::cell_compare, "0123456789abcdefghij").first, Status::ok);
  EXPECT_EQ(ask(Kind::cell_read, "").second, "abcdefghij");
}

TEST_F(CellHomeTest, AValueOfAnotherSizeIsAUsageError) {
  EXPECT_EQ(ask(Kind::cell_write, "short").first, Status::usage);
  EXPECT_EQ(ask(Kind::cell_exchange, "much too long").first, Status::usage);
  EXPECT_EQ(ask(Kind::cell_read, "").second, "0123456789");
}

TEST_F(CellHomeTest, ItsLockIsALock) {
  cell.on(request(Kind::acquire, a, 2), {}, out);
  cell.on(request(Kind::acquire, b, 3), {}, out);
  EXPECT_EQ(out.answer(a, 2), Status::ok);
  EXPECT_EQ(out.answer(b, 3), std::nullopt);
  cell.on_ended(a, facts_of(a, -9), out);
  EXPECT_EQ(out.answer(b, 3), Status::ok);
  EXPECT_EQ(words.load(lock), LockWord::owned_by(b) | LockWord::kAbandoned);
}

TEST_F(CellHomeTest, AWaiterForItsLockCanGiveUp) {
  words.exchange(lock, LockWord::owned_by(b));
  cell.on(request(Kind::acquire, a, 2), {}, out);
  cell.on_cancel(a, 2, out);
  EXPECT_EQ(out.answer(a, 2), Status::no);
}

TEST_F(CellHomeTest, GivesBothWordsBackWhenItIsFreed) {
  CellHome small(words, *words.allocate(0), *words.allocate(7), {});
  EXPECT_EQ(words.used(), 3u);
  small.on_freed(out);
  cell.on_freed(out);
  EXPECT_EQ(words.used(), 0u);
}

}  // namespace
}  // namespace mpx::detail
