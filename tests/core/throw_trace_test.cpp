#include "core/throw_trace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "core/remote_exception.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {

// Not exported, and called through volatile pointers so that each has a frame of its own.
[[gnu::noinline]] static void throw_deep_inside(int value) {
  if (value > 0) throw std::runtime_error("deep");
}
static void (*volatile call_thrower)(int) = throw_deep_inside;
[[gnu::noinline]] static void task_of_the_user(int value) {
  call_thrower(value);
  asm volatile("");  // no tail call
}
static void (*volatile call_task)(int) = task_of_the_user;

namespace {

using testing::HasSubstr;

std::string backtrace_after(const std::exception_ptr& exception) {
  try {
    rethrow(capture(exception, {"p", 0, "h", 1}));
  } catch (const RemoteOrigin& origin) {
    return origin.backtrace();
  }
}

std::exception_ptr fail_in_task() {
  try {
    call_task(1);
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

TEST(ThrowTrace, NamesTheFunctionThatThrewAndItsCallers) {
  const RecordThrows recording;
  const auto text = backtrace_after(fail_in_task());
  EXPECT_THAT(text, HasSubstr("#0 mpx::detail::throw_deep_inside(int)"));
  EXPECT_THAT(text, HasSubstr("#1 mpx::detail::task_of_the_user(int)+0x"));
  EXPECT_THAT(text, HasSubstr("(test_core)"));
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 31);
}

TEST(ThrowTrace, RecordsNothingOutsideOfTasks) { EXPECT_EQ(backtrace_after(fail_in_task()), ""); }

TEST(ThrowTrace, ExceptionsThatAreHandledInBetweenDoNotHideTheFirst) {
  const RecordThrows recording;
  const auto first = fail_in_task();
  try {
    throw std::logic_error("while cleaning up");
  } catch (const std::logic_error&) {
  }
  EXPECT_THAT(backtrace_after(first), HasSubstr("throw_deep_inside"));
}

TEST(ThrowTrace, ADestructorCanTellWhatUnwindsTheStack) {
  struct Witness {
    ~Witness() { text = describe_last_throw(); }
    std::string& text;
  };
  const RecordThrows recording;
  std::string text;
  try {
    const Witness witness{text};
    call_task(1);
  } catch (const std::exception&) {
  }
  EXPECT_THAT(text, testing::StartsWith("std::runtime_error: deep, thrown at\n#0 "));
  EXPECT_THAT(text, HasSubstr("throw_deep_inside"));
  try {
    const Witness witness{text};
    throw 7;
  } catch (int) {
  }
  EXPECT_THAT(text, testing::StartsWith("int, thrown at"));
}

TEST(ThrowTrace, ASecondJourneyKeepsTheFirstBacktrace) {
  const RecordThrows recording;
  const auto first = decode_exception(capture(fail_in_task(), {"p", 0, "h", 1}));
  EXPECT_THAT(backtrace_after(first), HasSubstr("#0 mpx::detail::throw_deep_inside(int)"));
}

}  // namespace
}  // namespace mpx::detail
