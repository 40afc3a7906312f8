#include "mpx/detail/token.hpp"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "mpx/bind_front.hpp"
#include "mpx/detail/callable.hpp"
#include "mpx/detail/modules.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

int multiply(int a, int b) { return a * b; }
std::uint64_t address_of_multiply() { return reinterpret_cast<std::uintptr_t>(&multiply); }
std::uint64_t address_of_toupper() {
  return reinterpret_cast<std::uintptr_t>(static_cast<int (*)(int)>(&::toupper));
}

constexpr const char* kChildVariable = "MPX_TEST_TOKEN_CHILD";

void send_all(int fd, ByteView bytes) {
  const std::uint64_t size = bytes.size();
  ASSERT_EQ(::write(fd, &size, sizeof size), static_cast<ssize_t>(sizeof size));
  ASSERT_EQ(::write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
}

Bytes receive_all(int fd) {
  std::uint64_t size = 0;
  if (::read(fd, &size, sizeof size) != static_cast<ssize_t>(sizeof size)) return {};
  Bytes bytes(size);
  std::size_t have = 0;
  while (have < size) {
    const auto got = ::read(fd, bytes.data() + have, size - have);
    if (got <= 0) return {};
    have += static_cast<std::size_t>(got);
  }
  return bytes;
}

/// This test program, started anew, so at other addresses: it reads calls from its standard input
/// and writes results, or the text of the error, to descriptor 3.
class Child {
 public:
  Child() {
    int to_child[2], from_child[2];
    if (::pipe(to_child) != 0 || ::pipe(from_child) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(to_child[0], 0);
      ::dup2(from_child[1], 1023);
      for (int fd = 3; fd < 64; ++fd) ::close(fd);
      ::dup2(1023, 3);
      ::close(1023);
      ::setenv(kChildVariable, "1", 1);
      ::unsetenv("GTEST_OUTPUT");
      ::execl("/proc/self/exe", "token_child", "--gtest_filter=TokenChild.AnswersCalls", nullptr);
      ::_exit(127);
    }
    ::close(to_child[0]);
    ::close(from_child[1]);
    out_ = to_child[1];
    in_ = from_child[0];
  }
  ~Child() {
    ::close(out_);
    ::close(in_);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    EXPECT_EQ(status, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// The child's answer: the encoded result, or a std::string that starts with "error: ".
  Bytes ask(Writer& call) {
    send_all(out_, call.bytes());
    return receive_all(in_);
  }
  template <class F, class... Args>
  call_result_t<F, Args...> call(const F& function, const Args&... arguments) {
    Writer writer;
    write_callable<F, Args...>(writer, function);
    write_arguments(writer, arguments...);
    return decode<call_result_t<F, Args...>>(ask(writer));
  }

 private:
  pid_t pid_ = -1;
  int out_ = -1;
  int in_ = -1;
};

TEST(TokenChild, AnswersCalls) {
  if (std::getenv(kChildVariable) == nullptr) GTEST_SKIP() << "runs in the child of other tests";
  for (;;) {
    const auto bytes = receive_all(0);
    if (bytes.empty()) return;
    Writer result;
    try {
      Reader reader(bytes);
      read_callable(reader)->call(reader, result);
    } catch (const Error& error) {
      result.bytes().clear();
      encode_to(result, std::string("error: ") + error.what());
    }
    send_all(3, result.bytes());
  }
}

bool addresses_are_random() {
  int setting = 0;
  std::ifstream("/proc/sys/kernel/randomize_va_space") >> setting;
  return setting != 0;
}

TEST(Token, FunctionsAreFoundAtOtherAddresses) {
  Child child;
  EXPECT_EQ(child.call(&multiply, 6, 7), 42);
  EXPECT_EQ(child.call([](int a, auto b) { return a - static_cast<int>(b); }, 6, 7.0), -1);
  EXPECT_EQ(child.call(static_cast<int (*)(int)>(&::toupper), static_cast<int>('q')), 'Q');
  EXPECT_EQ(child.call(mpx::bind_front(&multiply, 6), 7), 42);
  EXPECT_EQ(child.call(&std::string::size, std::string("four")), 4u);
  if (!addresses_are_random()) GTEST_SKIP() << "this machine does not randomise addresses";
  EXPECT_NE(child.call(&address_of_multiply), address_of_multiply());
  EXPECT_NE(child.call(&address_of_toupper), address_of_toupper());
}

TEST(Token, SaysWhereAnAddressLies) {
  const auto token = token_of(reinterpret_cast<const void*>(&multiply));
  EXPECT_EQ(address_of(token), reinterpret_cast<const void*>(&multiply));
  EXPECT_EQ(token.module, modules().front().id);
  EXPECT_EQ(token, token_of(reinterpret_cast<const void*>(&multiply)));
}

TEST(Token, ModulesAreListedTheProgramFirst) {
  const auto list = modules();
  ASSERT_GT(list.size(), 2u);
  EXPECT_THAT(list.front().path, HasSubstr("/"));
  bool has_libc = false;
  for (const auto& module : list) {
    EXPECT_NE(module.id, 0u) << module.path;
    has_libc = has_libc || module.path.find("/libc.so") != std::string::npos;
  }
  EXPECT_TRUE(has_libc);
}

TEST(Token, CodeMadeAtRunTimeHasNoName) {
  void* const page =
      ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(page, MAP_FAILED);
  EXPECT_THROW(token_of(page), UsageError);
  ::munmap(page, 4096);
}

TEST(Token, AModuleThatTheReceiverLacksIsNamed) {
  token_of(reinterpret_cast<const void*>(&multiply));  // what is loaded from here on is late
  void* const library = ::dlopen("libresolv.so.2", RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << ::dlerror();
  using Function = int (*)(int);
  const auto function = reinterpret_cast<Function>(::dlsym(library, "ns_get16"));
  ASSERT_NE(function, nullptr);
  Writer writer;
  write_callable<Function, int>(writer, function);
  write_arguments(writer, 1);
  {
    Reader here(writer.bytes());
    EXPECT_NE(read_callable(here), nullptr) << "loaded here";
  }
  Child child;
  EXPECT_THAT(decode<std::string>(child.ask(writer)), HasSubstr("libresolv.so.2"));

  ::dlclose(library);
  EXPECT_THROW(token_of(reinterpret_cast<const void*>(function)), UsageError);
  Reader gone(writer.bytes());
  EXPECT_THAT([&] { read_callable(gone); }, ThrowsMessage<UsageError>(HasSubstr("libresolv.so.2")));
}

TEST(Token, DataIsNotTakenForCode) {
  static const int data = 5;
  Writer writer;
  write_address(writer, &data);
  Reader reader(writer.bytes());
  EXPECT_THROW(read_address(reader, 0), CodecError);
  Reader again(writer.bytes());
  EXPECT_EQ(read_address(again, sizeof data), &data);
}

TEST(Token, ManyThreadsNameAndFind) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int round = 0; round < 2000; ++round) {
        const auto* const place = reinterpret_cast<const void*>(&multiply);
        ASSERT_EQ(address_of(token_of(place)), place);
      }
    });
  }
}

}  // namespace
}  // namespace mpx::detail
