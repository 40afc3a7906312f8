#include "processes/fork_server.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <thread>

#include "fork_server_support.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

using namespace testing;

class ForkServerTest : public ::testing::Test {
 protected:
  void SetUp() override { ::alarm(kTestSeconds); }  // a hang ends the program
  void TearDown() override { ::alarm(0); }
};

TEST_F(ForkServerTest, ReportsHowEachChildEnded) {
  Launcher rank([](Birth birth) -> int {
    const auto serial = birth.serial;
    auto& channel = birth.channel;
    ::signal(SIGSEGV, SIG_DFL);  // sanitizers handle these
    ::signal(SIGABRT, SIG_DFL);
    std::freopen("/dev/null", "w", stderr);
    switch (serial) {
      case 1:
        return 0;
      case 2:
        return 3;
      case 3:
        std::exit(3);
      case 4:
        std::abort();
      case 5:
        ::raise(SIGSEGV);
        break;
      case 6:
        ::raise(SIGKILL);
        break;
      case 7:
        throw std::runtime_error("uncaught");
      case 8:
        ::_exit(200);
      default:
        (void)take_byte(channel);
    }
    return 99;
  });
  std::vector<Channel> channels;
  for (std::uint64_t serial = 1; serial <= 9; ++serial) channels.push_back(rank.spawn(serial));
  const auto status = [&](std::uint64_t serial) {
    const auto started = rank.next(Type::started, serial);
    EXPECT_GT(started.pid, 0);
    const auto exited = rank.next(Type::exited, serial);
    EXPECT_EQ(exited.pid, started.pid);
    return exited.status;
  };
  EXPECT_EQ(status(1), 0);
  EXPECT_EQ(status(2), 3 << 8);
  EXPECT_EQ(status(3), 3 << 8);
  EXPECT_EQ(status(4) & 0x7f, SIGABRT);
  EXPECT_EQ(status(5) & 0x7f, SIGSEGV);
  EXPECT_EQ(status(6), SIGKILL);
  EXPECT_EQ(status(7) & 0x7f, SIGABRT);
  EXPECT_EQ(status(8), 200 << 8);
  rank.forker.signal(9, SIGSTOP);
  rank.forker.signal(9, SIGKILL);
  EXPECT_EQ(status(9), SIGKILL);
  rank.forker.signal(9, SIGKILL);     // it has ended
  rank.forker.signal(1234, SIGKILL);  // and this one has never been
}

TEST_F(ForkServerTest, RunsTwoHundredChildrenAtOnce) {
  Launcher rank([](Birth birth) {
    const auto serial = birth.serial;
    auto& channel = birth.channel;
    give_byte(channel, 1);
    return take_byte(channel) == 2 ? static_cast<int>(serial % 100) : 101;
  });
  constexpr std::uint64_t kCount = 200;
  std::vector<Channel> channels;
  for (std::uint64_t serial = 1; serial <= kCount; ++serial) channels.push_back(rank.spawn(serial));
  for (auto& channel : channels) EXPECT_EQ(take_byte(channel), 1);
  std::set<pid_t> pids;
  for (std::uint64_t i = 0; i < kCount; ++i) pids.insert(rank.next(Type::started).pid);
  EXPECT_EQ(pids.size(), kCount);
  for (auto& channel : channels) give_byte(channel, 2);
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const auto event = rank.next(Type::exited);
    EXPECT_EQ(event.status, static_cast<int>(event.serial % 100) << 8);
    EXPECT_EQ(pids.erase(event.pid), 1u);
  }
}

std::string child_text;
void write_child_text() { std::fputs(child_text.c_str(), stdout); }

TEST_F(ForkServerTest, WritesEachBufferOnceAndRunsExitHandlers) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(in_fake_rank([&] {
              ::dup2(::fileno(file), 1);
              std::printf("rank ");  // still buffered when the fork server is forked
              Launcher rank([](const Birth& birth) {
                const auto serial = birth.serial;
                child_text = "exit" + std::to_string(serial) + " ";
                std::atexit(write_child_text);
                std::cout << "child" << serial << ' ';
                if (serial == 2) std::exit(0);
                return 0;
              });
              for (std::uint64_t serial = 1; serial <= 3; ++serial) {
                auto channel = rank.spawn(serial);
                if (rank.next(Type::exited, serial).status != 0) return 1;
              }
              std::printf("end");
              std::fflush(stdout);
              return 0;
            }),
            0);
  std::array<char, 200> text{};
  std::rewind(file);
  text[std::fread(text.data(), 1, text.size() - 1, file)] = '\0';
  EXPECT_STREQ(text.data(), "rank child1 exit1 child2 exit2 child3 exit3 end");
  std::fclose(file);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kSpawns = 100;  // each takes tens of milliseconds
#else
constexpr std::uint64_t kSpawns = 1000;
#endif

TEST_F(ForkServerTest, LeaksNoDescriptors) {
  const int before = open_fds();
  {
    Launcher rank([](Birth birth) {
      const auto serial = birth.serial;
      auto& channel = birth.channel;
      give_byte(channel, open_fds());
      if (serial == 1) (void)take_byte(channel);  // its channel stays open in the rank
      return 0;
    });
    Channel first = rank.spawn(1);
    const int in_child = take_byte(first);
    EXPECT_LE(in_child, before + 1);  // the socket of its channel
    const int in_rank = open_fds();
    for (std::uint64_t serial = 2; serial <= kSpawns + 1; ++serial) {
      Channel channel = rank.spawn(serial);
      EXPECT_EQ(rank.next(Type::exited, serial).status, 0);
      EXPECT_EQ(take_byte(channel), in_child);
    }
    EXPECT_EQ(open_fds(), in_rank);
    EXPECT_EQ(in_rank, before + 2);  // the fork server's and the first child's sockets
  }
  EXPECT_EQ(open_fds(), before);
}

#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t kMemory = std::uint64_t{1} << 46;  // the shadow memory counts
constexpr std::uint64_t kTooMuch = kMemory;
#else
constexpr std::uint64_t kMemory = std::uint64_t{1} << 30;
constexpr std::uint64_t kTooMuch = kMemory + kMemory / 2;
#endif

bool can_allocate(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory != MAP_FAILED && ::munmap(memory, bytes) == 0;
}

TEST_F(ForkServerTest, GivesChildrenWhatTheirOptionsSay) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "the sanitizer maps more memory than a limit could leave room for";
#endif
  cpu_set_t own;
  CPU_ZERO(&own);
  ASSERT_EQ(::sched_getaffinity(0, sizeof own, &own), 0);
  int cpu = CPU_SETSIZE - 1;
  while (cpu >= 0 && !CPU_ISSET(cpu, &own)) --cpu;
  Launcher rank([cpu](const Birth& birth) {
    const auto serial = birth.serial;
    cpu_set_t set;
    CPU_ZERO(&set);
    ::sched_getaffinity(0, sizeof set, &set);
    int oom = 0;
    std::ifstream("/proc/self/oom_score_adj") >> oom;
    rlimit limit{};
    ::getrlimit(RLIMIT_DATA, &limit);
    const char* value = std::getenv("MPX_TEST_A");
    const char* other = std::getenv("MPX_TEST_B");
    if (oom != 1000) return 1;
    if (serial == 2) return value || limit.rlim_cur == kMemory || !can_allocate(kMemory) ? 2 : 0;
    if (CPU_COUNT(&set) != 1 || !CPU_ISSET(cpu, &set)) return 3;
    if (!value || !other || std::strcmp(value, "1=2") != 0 || *other != '\0') return 4;
    return limit.rlim_cur == kMemory && !can_allocate(kTooMuch) ? 0 : 5;
  });
  SpawnOptions options;
  options.cpus = {cpu};
  options.env = {{"MPX_TEST_A", "1=2"}, {"MPX_TEST_B", ""}};
  options.memory_bytes = kMemory;
  auto one = rank.spawn(1, options);
  auto two = rank.spawn(2);
  EXPECT_EQ(rank.next(Type::exited, 1).status, 0);
  EXPECT_EQ(rank.next(Type::exited, 2).status, 0);
  options.env = {{"MPX_TEST_A", std::string(100'000, 'x')}};
  EXPECT_THROW((void)rank.spawn(3, options), UsageError);
}

TEST_F(ForkServerTest, ReportsAChildThatItCannotStart) {
  EXPECT_EQ(in_fake_rank([] {
              Launcher rank([](const Birth& /*birth*/) { return 0; });
              auto first = rank.spawn(1);  // the fork server is ready once this has started
              if (rank.next(Type::exited).serial != 1) return 3;
              rlimit few{};
              ::getrlimit(RLIMIT_NOFILE, &few);
              few.rlim_cur = 3;  // no room for the descriptors of the channel
              ::prlimit(rank.forker.pid(), RLIMIT_NOFILE, &few, nullptr);
              auto channel = rank.spawn(7);
              const auto event = rank.next(Type::failed);
              if (event.serial != 7 || event.status != EMFILE) return 1;
              few.rlim_cur = few.rlim_max;
              ::prlimit(rank.forker.pid(), RLIMIT_NOFILE, &few, nullptr);
              auto another = rank.spawn(8);
              return rank.next(Type::exited).serial == 8 ? 0 : 2;
            }),
            0);
}

TEST_F(ForkServerTest, GivesChildrenAnEmptyInputWhateverTheRankHasReadAhead) {
  EXPECT_EQ(in_fake_rank([] {
              int ends[2];
              if (::pipe(ends) != 0 || ::write(ends[1], "one\ntwo\nthree\n", 14) != 14) return 1;
              ::dup2(ends[0], STDIN_FILENO);
              std::clearerr(stdin);
              std::string line;
              std::getline(std::cin, line);
              Launcher rank([](const Birth& /*birth*/) {
                std::string more;
                return !std::getline(std::cin, more) && std::fgetc(stdin) == EOF ? 0 : 2;
              });
              auto channel = rank.spawn(1);
              if (const auto status = rank.next(Type::exited).status; status != 0)
                return status >> 8;
              return line == "one" && std::getline(std::cin, line) && line == "two" ? 0 : 3;
            }),
            0);
}

TEST_F(ForkServerTest, OpensStandardDescriptorsThatAreClosed) {
  EXPECT_EQ(in_fake_rank([] {
              for (const int fd : {0, 1, 2}) ::close(fd);
              Launcher rank([](const Birth& /*birth*/) { return 0; });
              for (const int fd : {0, 1, 2}) {
                struct stat status {};
                if (::fstat(fd, &status) != 0 || status.st_rdev != makedev(1, 3)) return 1 + fd;
              }
              if (rank.forker.socket() <= 2) return 4;
              auto channel = rank.spawn(1);
              return rank.next(Type::exited).status;
            }),
            0);
}

TEST_F(ForkServerTest, RaisesTheLimitOfOpenFilesForTheRankAlone) {
  EXPECT_EQ(in_fake_rank([] {
              const auto open_files = [] {
                rlimit limit{};
                ::getrlimit(RLIMIT_NOFILE, &limit);
                return limit.rlim_cur;
              };
              const rlimit few{100, 200};
              if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return 1;
              Launcher rank([=](const Birth& /*birth*/) { return open_files() == 100 ? 0 : 2; });
              auto channel = rank.spawn(1);
              if (const auto status = rank.next(Type::exited).status; status != 0)
                return status >> 8;
              return open_files() == 200 ? 0 : 3;
            }),
            0);
}

TEST_F(ForkServerTest, RefusesToStartInAProgramWithThreads) {
  std::atomic<bool> end{false};
  std::thread thread([&] { end.wait(false); });
  try {
    (void)ForkServer::start([](const Birth& /*birth*/) { return 0; });
    ADD_FAILURE();
  } catch (const LaunchError& error) {
    EXPECT_NE(std::string(error.what()).find(" threads"), std::string::npos) << error.what();
  }
  end = true;
  end.notify_all();
  thread.join();
}

TEST_F(ForkServerTest, StopEndsAndReapsEverything) {
  std::vector<pid_t> pids;
  {
    Launcher rank([](Birth birth) { return take_byte(birth.channel); });
    std::vector<Channel> channels;
    pids.push_back(rank.forker.pid());
    for (std::uint64_t serial = 1; serial <= 5; ++serial) channels.push_back(rank.spawn(serial));
    for (int i = 0; i < 5; ++i) pids.push_back(rank.next(Type::started).pid);
    ::kill(rank.forker.pid(), SIGSTOP);
    rank.forker.stop();
    rank.forker.stop();
    EXPECT_TRUE(rank.forker.poll().empty());
    rank.forker.signal(1, SIGKILL);  // nothing
  }
  for (const pid_t pid : pids) {
    EXPECT_EQ(::kill(pid, 0), -1);
    EXPECT_EQ(errno, ESRCH);
  }
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST_F(ForkServerTest, IsLeftAloneByAProcessThatTheRankForked) {
  Launcher rank([](const Birth& /*birth*/) { return 0; });
  EXPECT_EQ(in_fake_rank([&] {
              rank.server.reset();
              return 0;
            }),
            0);
  auto channel = rank.spawn(1);
  EXPECT_EQ(rank.next(Type::exited).serial, 1u);
}

}  // namespace
}  // namespace mpx::detail
