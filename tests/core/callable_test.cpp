#include "mpx/detail/callable.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec_types.hpp"

namespace mpx::detail::test {
namespace {

int add(int a, int b) { return a + b; }
int add_quietly(int a, int b) noexcept { return a + b; }
std::string join(std::string_view a, const std::string& b, std::span<const int> row) {
  return std::string(a) + b + std::to_string(row.size());
}
int first_plus_one(std::span<int> row) { return ++row[0]; }
const char* greeting() { return "hello"; }
const std::string& same(const std::string& text) { return text; }
Owner take_owner(Owner owner) { return Owner(owner.value() + 1); }
int moved_size(std::vector<int>&& row) { return static_cast<int>(row.size()); }

struct Base {
  virtual ~Base() = default;
  [[nodiscard]] virtual int kind(int by) const { return by; }
};
struct Counter : Base {
  Counter() = default;
  explicit Counter(int n) : n(n) {}
  int n = 0;
  int increase(int by) { return n += by; }
  int increase_here(int by) & { return n += by; }
  int consume() && { return n; }
  [[nodiscard]] int get() const noexcept { return n; }
  [[nodiscard]] int kind(int by) const override { return 100 * by + n; }
  static int twice(int a) { return 2 * a; }
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& n;
  }
};

struct Scale {
  double factor = 1;
  double operator()(double x) const { return factor * x; }
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& factor;
  }
};
struct Tally {  // keeps its state from call to call
  int calls = 0;
  int operator()() { return ++calls; }
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& calls;
  }
};
struct Overloaded {
  int operator()(int) const { return 1; }
  int operator()(std::string_view) const { return 2; }
};

/// What happens to a call on its way, in one process.
template <class F, class... Args>
call_result_t<F, Args...> send(F&& function, const Args&... arguments) {
  Writer writer;
  write_callable<F, Args...>(writer, function);
  write_arguments(writer, arguments...);
  Reader reader(writer.bytes());
  const auto callee = read_callable(reader);
  Writer result;
  callee->call(reader, result);
  EXPECT_TRUE(reader.at_end());
  if constexpr (std::is_void_v<call_result_t<F, Args...>>) {
    EXPECT_TRUE(result.bytes().empty());
  } else {
    return decode<call_result_t<F, Args...>>(result.bytes());
  }
}

TEST(Callable, FunctionsAreCalled) {
  EXPECT_EQ(send(add, 1, 2), 3);
  EXPECT_EQ(send(&add_quietly, 1, 2), 3);
  EXPECT_EQ(send(static_cast<int (*)(int)>(&::toupper), 'a'), 'A');
  EXPECT_EQ(send(&Counter::twice, 4), 8);
}

TEST(Callable, ArgumentsConvertAtTheCallee) {
  EXPECT_EQ(send(add, 'a', 1.9), 98);
  EXPECT_EQ(send(join, "a", "b", std::vector<int>{1, 2}), "ab2");
  EXPECT_EQ(send(first_plus_one, std::vector<int>{1, 2}), 2);
  EXPECT_EQ(send(moved_size, std::vector<int>{1, 2}), 2);
}

TEST(Callable, ResultsAreDecayed) {
  static_assert(std::is_same_v<call_result_t<decltype(greeting)>, std::string>);
  EXPECT_EQ(send(greeting), "hello");
  static_assert(std::is_same_v<call_result_t<decltype(same), const char*>, std::string>);
  EXPECT_EQ(send(same, "text"), "text");
  send([](int) {}, 1);
}

TEST(Callable, MoveOnlyArgumentsAndResultsTravel) {
  EXPECT_EQ(send(take_owner, Owner(3)).value(), 4);
}

TEST(Callable, MemberFunctionsTakeTheirObjectFirst) {
  const Counter counter(5);
  EXPECT_EQ(send(&Counter::increase, counter, 2), 7);
  EXPECT_EQ(counter.n, 5) << "the object was copied";
  EXPECT_EQ(send(&Counter::increase_here, counter, 2), 7);
  EXPECT_EQ(send(&Counter::consume, counter), 5);
  EXPECT_EQ(send(&Counter::get, counter), 5);
  EXPECT_EQ(send(&Counter::n, counter), 5);
}

TEST(Callable, VirtualMemberFunctionsDispatchOnTheObject) {
  EXPECT_EQ(send(&Counter::kind, Counter(5), 2), 205);
  EXPECT_EQ(send(&Base::kind, Counter(5), 2), 205);
}

TEST(Callable, ClosuresWithoutCapturesAreCalled) {
  EXPECT_EQ(send([](int a) { return a + 1; }, 1), 2);
  EXPECT_EQ(send([](auto a, auto b) { return a + b; }, 1, 2.5), 3.5);
  EXPECT_EQ(send(
                +[](int a) { return a + 1; }, 1),
            2);
  EXPECT_EQ(send([](int a) mutable noexcept { return a; }, 1), 1);
  EXPECT_EQ(send(std::plus<>(), 1, 2), 3);
  EXPECT_EQ(send(Overloaded(), "text"), 2);
}

TEST(Callable, FunctionObjectsBringTheirState) { EXPECT_EQ(send(Scale{3}, 2.0), 6.0); }

TEST(Callable, BoundArgumentsComeFirst) {
  EXPECT_EQ(send(mpx::bind_front(add, 40), 2), 42);
  EXPECT_EQ(send(mpx::bind_front(mpx::bind_front(add, 40), 2)), 42);
  EXPECT_EQ(send(mpx::bind_front(join, "a", "b"), std::vector<int>{1}), "ab1");
  EXPECT_EQ(send(mpx::bind_front(Scale{3}, 2.0)), 6.0);
  EXPECT_EQ(
      send(mpx::bind_front([](const Particle& p, auto x) { return p.id + x; }, Particle{1, {}}), 2),
      3);
  EXPECT_EQ(send(mpx::bind_front(&Counter::get, Counter(3))), 3);
}

TEST(Callable, ABoundObjectStaysAsItWasSent) {
  Writer writer;
  const auto bound = mpx::bind_front(&Counter::increase, Counter(10));
  write_callable<decltype(bound), int>(writer, bound);
  Reader reader(writer.bytes());
  const auto callee = read_callable(reader);
  for (int round = 0; round < 2; ++round) {
    Writer arguments, result;
    write_arguments(arguments, 1);
    Reader each(arguments.bytes());
    callee->call(each, result);
    EXPECT_EQ(decode<int>(result.bytes()), 11);
  }
}

TEST(Callable, BoundFrontIsAFunctionHereToo) {
  EXPECT_EQ(mpx::bind_front(add, 40)(2), 42);
  const auto bound = mpx::bind_front(join, "a");
  EXPECT_EQ(bound(std::string("b"), std::vector<int>{}), "ab0");
}

TEST(Callable, ACalleeIsCalledOften) {
  Writer writer;
  write_callable<Tally>(writer, Tally{10});
  Reader reader(writer.bytes());
  const auto callee = read_callable(reader);
  Writer result;
  for (int round = 1; round <= 3; ++round) {
    result.bytes().clear();
    callee->call(reader, result);
    EXPECT_EQ(decode<int>(result.bytes()), 10 + round);
  }
}

TEST(Callable, ExceptionsComeOut) {
  EXPECT_THROW(send([](int) -> int { throw std::out_of_range("here"); }, 1), std::out_of_range);
}

TEST(Callable, TheElementsOfATupleAreSpread) {
  using Row = std::tuple<int, const char*>;
  const auto function = [](int a, std::string_view b) { return a + static_cast<int>(b.size()); };
  static_assert(std::is_same_v<spread_result_t<decltype(function), Row>, int>);
  Writer writer;
  write_spread_callable<decltype(function), Row>(writer, function);
  Spread<decltype(function), Row>::write_element(writer, {1, "two"});
  Reader reader(writer.bytes());
  const auto callee = read_callable(reader);
  Writer result;
  callee->call(reader, result);
  EXPECT_EQ(decode<int>(result.bytes()), 4);
  static_assert(std::is_same_v<spread_result_t<decltype(add), std::array<int, 2>>, int>);
  static_assert(std::is_same_v<spread_result_t<decltype(add), std::pair<int, int>>, int>);
}

template <class T, class F, class... Args>
object_call_result_t<T, F, Args...> send_on(T& object, F function, const Args&... arguments) {
  Writer writer;
  write_object_callable<T, F, Args...>(writer, function);
  write_arguments(writer, arguments...);
  Reader reader(writer.bytes());
  const auto callee = read_object_callable(reader);
  Writer result;
  callee->call(&object, reader, result);
  if constexpr (!std::is_void_v<object_call_result_t<T, F, Args...>>) {
    return decode<object_call_result_t<T, F, Args...>>(result.bytes());
  }
}

TEST(Callable, AnObjectThatIsThereIsChangedInPlace) {
  Counter counter(1);
  EXPECT_EQ(send_on(counter, &Counter::increase, 2), 3);
  EXPECT_EQ(counter.n, 3);
  send_on(
      counter, [](Counter& c, int by) { c.n -= by; }, 1);
  EXPECT_EQ(counter.n, 2);
  EXPECT_EQ(send_on(counter,
                    mpx::bind_front([](int a, Counter& c, int b) { return c.n = a + b; }, 10), 5),
            15);
  EXPECT_EQ(counter.n, 15);
  EXPECT_EQ(send_on(counter, [](const auto& c) { return c.n; }), 15);
}

TEST(Callable, NullFunctionsAreRefused) {
  Writer writer;
  int (*null)(int) = nullptr;
  EXPECT_THROW((write_callable<int (*)(int), int>(writer, null)), UsageError);
  int (Counter::*none)(int) = nullptr;
  EXPECT_THROW((write_callable<decltype(none), Counter, int>(writer, none)), UsageError);
}

TEST(Callable, DamagedCallablesAreCodecErrors) {
  Writer writer;
  write_callable<decltype(mpx::bind_front(add, 1)), int>(writer, mpx::bind_front(add, 1));
  const Bytes whole = writer.bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Reader reader(ByteView(whole).first(size));
    EXPECT_THROW(read_callable(reader), CodecError) << size;
  }
  for (std::size_t at = 0; at < 32; ++at) {  // both tokens; behind them stands the bound int
    for (int bit = 0; bit < 8; ++bit) {
      Bytes bytes = whole;
      bytes[at] ^= std::byte{1} << bit;
      Reader reader(bytes);
      EXPECT_THROW(read_callable(reader), CodecError) << "byte " << at << " bit " << bit;
    }
  }
}

TEST(Callable, AnObjectCallableIsNoCallable) {
  Writer writer;
  write_object_callable<Counter, decltype(&Counter::get)>(writer, &Counter::get);
  Reader reader(writer.bytes());
  EXPECT_THROW(read_callable(reader), CodecError);
}

}  // namespace
}  // namespace mpx::detail::test
