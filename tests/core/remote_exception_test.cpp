#include "core/remote_exception.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <any>
#include <filesystem>
#include <functional>
#include <future>
#include <ios>
#include <memory>
#include <optional>
#include <random>
#include <regex>
#include <stdexcept>
#include <system_error>
#include <typeinfo>
#include <variant>

#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

using testing::HasSubstr;

const ThrownAt kPlace{"worker-7", 3, "node3", 4711};

template <class Throw>
std::exception_ptr thrown_by(Throw&& action) {
  try {
    action();
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

template <class E>
std::exception_ptr travelled(E exception, std::optional<std::size_t> index = std::nullopt) {
  return decode_exception(capture(std::make_exception_ptr(std::move(exception)), kPlace, index));
}

/// Whether it is caught as an E and, separately, as a RemoteOrigin, with the original message.
template <class E>
void expect_arrives(E exception, const std::string& type_name) {
  SCOPED_TRACE(type_name);
  const std::string message = exception.what();
  const auto arrived = travelled(std::move(exception));
  try {
    std::rethrow_exception(arrived);
  } catch (const E& caught) {
    EXPECT_EQ(caught.what(), message);
  } catch (...) {
    ADD_FAILURE() << "another type: " << describe(arrived);
  }
  try {
    std::rethrow_exception(arrived);
  } catch (const RemoteOrigin& origin) {
    EXPECT_EQ(origin.type_name(), type_name);
    EXPECT_EQ(origin.message(), message);
    EXPECT_EQ(origin.process_name(), "worker-7");
    EXPECT_EQ(origin.rank(), 3);
    EXPECT_EQ(origin.host(), "node3");
    EXPECT_EQ(origin.pid(), 4711);
    EXPECT_EQ(origin.index(), std::nullopt);
  } catch (...) {
    ADD_FAILURE() << "no RemoteOrigin";
  }
}

TEST(RemoteException, StandardExceptionsArriveAsThemselves) {
  expect_arrives(std::logic_error("m"), "std::logic_error");
  expect_arrives(std::domain_error("m"), "std::domain_error");
  expect_arrives(std::invalid_argument("m"), "std::invalid_argument");
  expect_arrives(std::length_error("m"), "std::length_error");
  expect_arrives(std::out_of_range("m"), "std::out_of_range");
  expect_arrives(std::runtime_error("m"), "std::runtime_error");
  expect_arrives(std::range_error("m"), "std::range_error");
  expect_arrives(std::overflow_error("m"), "std::overflow_error");
  expect_arrives(std::underflow_error("m"), "std::underflow_error");
  expect_arrives(std::bad_alloc(), "std::bad_alloc");
  expect_arrives(std::bad_array_new_length(), "std::bad_array_new_length");
  expect_arrives(std::bad_cast(), "std::bad_cast");
  expect_arrives(std::bad_any_cast(), "std::bad_any_cast");
  expect_arrives(std::bad_typeid(), "std::bad_typeid");
  expect_arrives(std::bad_optional_access(), "std::bad_optional_access");
  expect_arrives(std::bad_variant_access(), "std::bad_variant_access");
  expect_arrives(std::bad_function_call(), "std::bad_function_call");
  expect_arrives(std::bad_weak_ptr(), "std::bad_weak_ptr");
  expect_arrives(std::bad_exception(), "std::bad_exception");
  expect_arrives(std::exception(), "std::exception");
  expect_arrives(std::ios_base::failure("m"), "std::ios_base::failure");
  expect_arrives(std::future_error(std::future_errc::broken_promise), "std::future_error");
  expect_arrives(std::regex_error(std::regex_constants::error_brack), "std::regex_error");
}

TEST(RemoteException, OwnErrorsArriveAsThemselves) {
  expect_arrives(Error("m"), "mpx::Error");
  expect_arrives(UsageError("m"), "mpx::UsageError");
  expect_arrives(Closed("m"), "mpx::Closed");
  expect_arrives(RemoteError("m"), "mpx::RemoteError");
  expect_arrives(LaunchError("m"), "mpx::LaunchError");
  expect_arrives(CodecError("m"), "mpx::CodecError");
  expect_arrives(TransportError("m"), "mpx::TransportError");
  expect_arrives(BrokenBarrier("m"), "mpx::BrokenBarrier");
  expect_arrives(AuthenticationError("m"), "mpx::AuthenticationError");
  expect_arrives(ProcessLost("m", {}), "mpx::ProcessLost");
  expect_arrives(BufferTooShort("m", {}), "mpx::BufferTooShort");
}

TEST(RemoteException, KeepsWhatItsClassHoldsBeyondAMessage) {
  try {
    std::rethrow_exception(travelled(ProcessLost("gone", {"p", 5, "host5", 99, -11})));
  } catch (const ProcessLost& lost) {
    EXPECT_EQ(lost.who().name, "p");
    EXPECT_EQ(lost.who().rank, 5);
    EXPECT_EQ(lost.who().host, "host5");
    EXPECT_EQ(lost.who().pid, 99);
    EXPECT_EQ(lost.who().exit_code, -11);
  }
  const std::vector<std::byte> content{std::byte{1}, std::byte{0}, std::byte{255}};
  try {
    std::rethrow_exception(travelled(BufferTooShort("short", content)));
  } catch (const BufferTooShort& error) {
    EXPECT_EQ(error.message(), content);
  }
  try {
    std::rethrow_exception(travelled(std::future_error(std::future_errc::no_state)));
  } catch (const std::future_error& error) {
    EXPECT_EQ(error.code(), std::future_errc::no_state);
  }
  try {
    std::rethrow_exception(travelled(std::regex_error(std::regex_constants::error_range)));
  } catch (const std::regex_error& error) {
    EXPECT_EQ(error.code(), std::regex_constants::error_range);
  }
}

TEST(RemoteException, SystemErrorsKeepTheirCode) {
  const std::system_error denied(EACCES, std::generic_category(), "opening it");
  expect_arrives(denied, "std::system_error");
  try {
    std::rethrow_exception(travelled(denied));
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::permission_denied);
  }
  try {
    std::rethrow_exception(travelled(std::system_error(ENOENT, std::system_category())));
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::error_code(ENOENT, std::system_category()));
  }
  const auto missing = std::make_error_code(std::errc::no_such_file_or_directory);
  const std::filesystem::filesystem_error file("reading", "/a", "/b", missing);
  expect_arrives(file, "std::filesystem::filesystem_error");
  try {
    std::rethrow_exception(travelled(file));
  } catch (const std::filesystem::filesystem_error& error) {
    EXPECT_EQ(error.path1(), "/a");
    EXPECT_EQ(error.path2(), "/b");
    EXPECT_EQ(error.code(), missing);
  }
}

struct OtherCategory : std::error_category {
  const char* name() const noexcept override { return "other"; }
  std::string message(int) const override { return "text"; }
};

TEST(RemoteException, AnUnknownErrorCategoryKeepsItsNameAndEqualsItself) {
  const OtherCategory other;
  std::vector<std::error_code> codes;
  for (int i = 0; i < 2; ++i) {
    try {
      std::rethrow_exception(travelled(std::system_error(7, other)));
    } catch (const std::system_error& error) {
      codes.push_back(error.code());
    }
  }
  ASSERT_EQ(codes.size(), 2u);
  EXPECT_EQ(codes[0], codes[1]);
  EXPECT_STREQ(codes[0].category().name(), "other");
  EXPECT_EQ(codes[0].value(), 7);
}

struct UserRange : std::out_of_range {
  using std::out_of_range::out_of_range;
};
struct UserError : std::exception {
  const char* what() const noexcept override { return "mine"; }
};
struct UserLost : ProcessLost {
  using ProcessLost::ProcessLost;
};
struct NoException {};

TEST(RemoteException, AUsersTypeArrivesAsItsNearestStandardBase) {
  const auto range = travelled(UserRange("index 9"));
  EXPECT_THROW(std::rethrow_exception(range), std::out_of_range);
  EXPECT_EQ(describe(range), "mpx::detail::(anonymous namespace)::UserRange: index 9");
  try {
    std::rethrow_exception(travelled(UserError()));
  } catch (const std::exception& error) {
    EXPECT_STREQ(error.what(), "mine");
  }
  EXPECT_THROW(std::rethrow_exception(travelled(UserLost("m", {}))), ProcessLost);
}

TEST(RemoteException, WhatIsNoExceptionArrivesAsRemoteError) {
  try {
    std::rethrow_exception(travelled(42));
  } catch (const RemoteError& error) {
    EXPECT_STREQ(error.what(), "int: 42");
    EXPECT_EQ(dynamic_cast<const RemoteOrigin&>(error).type_name(), "int");
  }
  try {
    std::rethrow_exception(travelled(std::string("text")));
  } catch (const RemoteError& error) {
    EXPECT_STREQ(error.what(), "std::string: text");
  }
  try {
    std::rethrow_exception(travelled(NoException()));
  } catch (const RemoteError& error) {
    EXPECT_STREQ(error.what(), "mpx::detail::(anonymous namespace)::NoException");
  }
  EXPECT_THROW(std::rethrow_exception(travelled(42)), RemoteOrigin);
}

TEST(RemoteException, ASecondJourneyKeepsTheFirstOrigin) {
  const ThrownAt second{"other", 8, "node8", 1};
  for (const auto& first : {travelled(UserRange("m")), travelled(NoException()), travelled(42),
                            travelled(ProcessLost("m", {"p", 5, "h", 9, 1}))}) {
    const auto again = decode_exception(capture(first, second, 12));
    EXPECT_EQ(describe(again), describe(first));
    EXPECT_EQ(describe_origin(again), "process worker-7, rank 3, host node3, pid 4711, element 12");
    const auto third = decode_exception(capture(again, second, 99));
    EXPECT_EQ(describe_origin(third), describe_origin(again));
    std::string what_first, what_again;
    try {
      std::rethrow_exception(first);
    } catch (const std::exception& error) {
      what_first = error.what();
    }
    try {
      std::rethrow_exception(third);
    } catch (const std::exception& error) {
      what_again = error.what();
    }
    EXPECT_EQ(what_again, what_first);
  }
}

TEST(RemoteException, MessagesOfNestedExceptionsAreAppended) {
  const auto nested = thrown_by([] {
    try {
      try {
        throw 5;
      } catch (...) {
        std::throw_with_nested(std::out_of_range("middle"));
      }
    } catch (...) {
      std::throw_with_nested(std::invalid_argument("outer"));
    }
  });
  const auto arrived = decode_exception(capture(nested, kPlace));
  EXPECT_THROW(std::rethrow_exception(arrived), std::invalid_argument);
  EXPECT_EQ(describe(arrived),
            "std::invalid_argument: outer; caused by std::out_of_range: middle; caused by int: 5");
}

TEST(RemoteException, IndexIsTheElements) {
  try {
    std::rethrow_exception(travelled(std::runtime_error("m"), 1000000000000u));
  } catch (const RemoteOrigin& origin) {
    EXPECT_EQ(origin.index(), 1000000000000u);
  }
}

TEST(RemoteException, DescribeIsOneLine) {
  const auto here = std::make_exception_ptr(std::runtime_error("a\nb"));
  EXPECT_EQ(describe(here), "std::runtime_error: a\\nb");
  EXPECT_EQ(describe_origin(here), "");
  EXPECT_EQ(describe(std::make_exception_ptr(NoException())),
            "mpx::detail::(anonymous namespace)::NoException");
}

TEST(RemoteException, CorruptBytesAreCodecErrors) {
  const auto whole =
      capture(std::make_exception_ptr(BufferTooShort("m", std::vector<std::byte>(3))), kPlace, 4);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto got = decode_exception(ByteView(whole).first(size));
    EXPECT_THROW(std::rethrow_exception(got), CodecError) << size;
    EXPECT_EQ(describe_origin(got), "");
  }
  auto longer = whole;
  longer.push_back(std::byte{0});
  EXPECT_THROW(rethrow(longer), CodecError);
  auto no_class = whole;
  no_class[1] = std::byte{200};
  EXPECT_THROW(rethrow(no_class), CodecError);
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {  // whatever it becomes, it is thrown and no crash
    auto bytes = whole;
    for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    EXPECT_NE(decode_exception(bytes), nullptr);
  }
}

}  // namespace
}  // namespace mpx::detail
