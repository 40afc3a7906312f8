#include "leftovers.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>

namespace mpx::runner {
namespace {

namespace fs = std::filesystem;
using ::testing::UnorderedElementsAre;

constexpr pid_t kMpirun = 4711;

class Leftovers : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = "/tmp/leftovers.XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    root_ = folder;
    fs::create_directories(shm());
    fs::create_directories(job());
    std::ofstream(job() / "contact.txt") << "167772160.0;tcp://192.0.2.2:48185\n4711\n";
    for (const char* name : {"a000001.0", "a000002.13", "a010001.0", "a00001.0", "ba000001.0"}) {
      write(segment(name));
    }
  }
  void TearDown() override { fs::remove_all(root_); }

  [[nodiscard]] fs::path tmp() const { return root_ / "tmp"; }
  [[nodiscard]] fs::path shm() const { return root_ / "shm"; }
  [[nodiscard]] fs::path job(pid_t pid = kMpirun) const {
    return tmp() / fmt::format("ompi.node.a.{}/pid.{}", ::getuid(), pid);
  }
  [[nodiscard]] fs::path segment(const std::string& job) const {
    return shm() / fmt::format("vader_segment.node.a.{}.{}", ::getuid(), job);
  }
  static void write(const fs::path& path) { std::ofstream(path) << "content"; }

  [[nodiscard]] std::vector<std::string> segments() const {
    std::vector<std::string> found;
    const auto skip = segment("").filename().native().size();
    for (const auto& entry : fs::directory_iterator(shm())) {
      found.push_back(entry.path().filename().native().substr(skip));
    }
    return found;
  }

 private:
  fs::path root_;
};

TEST_F(Leftovers, OfThisMpirunAreRemovedAndNoOthers) {
  fs::create_directories(job(kMpirun + 1));
  remove_leftovers(kMpirun, tmp(), shm());
  EXPECT_FALSE(fs::exists(job()));
  EXPECT_TRUE(fs::exists(job(kMpirun + 1)));
  EXPECT_THAT(segments(), UnorderedElementsAre("a010001.0", "a00001.0", "ba000001.0"));
}

TEST_F(Leftovers, OfAnMpirunOfOpenMpi5AreRemovedAndNoOthers) {
  const auto folder = [&](pid_t pid) {
    return tmp() / fmt::format("prterun.vm.{}.{}", pid, ::getuid());
  };
  const auto memory = [&](const std::string& job) {
    return shm() / fmt::format("sm_segment.vm.{}.{}", ::getuid(), job);
  };
  // As 5.0.7 named them on host vm, for the mpiruns 34 and 47.
  fs::create_directories(folder(34));
  fs::create_directories(folder(47));
  for (const char* name : {"4fa40001.0", "4fa40001.1", "49a40001.0"}) write(memory(name));
  remove_leftovers(34, tmp(), shm());
  EXPECT_FALSE(fs::exists(folder(34)));
  EXPECT_FALSE(fs::exists(memory("4fa40001.0")));
  EXPECT_FALSE(fs::exists(memory("4fa40001.1")));
  EXPECT_TRUE(fs::exists(folder(47)));
  EXPECT_TRUE(fs::exists(memory("49a40001.0")));
  EXPECT_EQ(segments().size(), 6u);  // and those of the others
}

TEST_F(Leftovers, StayWhileAProcessHasThemMapped) {
  const int file = ::open(segment("a000001.0").c_str(), O_RDWR);
  void* mapped = ::mmap(nullptr, 1, PROT_READ, MAP_SHARED, file, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  ::close(file);
  remove_leftovers(kMpirun, tmp(), shm());
  EXPECT_TRUE(fs::exists(job()));
  EXPECT_EQ(segments().size(), 5u);
  ::munmap(mapped, 1);
  remove_leftovers(kMpirun, tmp(), shm());
  EXPECT_EQ(segments().size(), 3u);
}

TEST_F(Leftovers, OfAJobWithoutContactFileAreItsFolderOnly) {
  for (const char* text : {"", "no number", "1", "99999999999.0;"}) {
    fs::create_directories(job());
    std::ofstream(job() / "contact.txt") << text;
    remove_leftovers(kMpirun, tmp(), shm());
    EXPECT_FALSE(fs::exists(job())) << text;
    EXPECT_EQ(segments().size(), 5u) << text;
  }
}

TEST_F(Leftovers, AreNotSoughtBehindALink) {
  fs::rename(job(), tmp() / "elsewhere");
  fs::create_directory_symlink(tmp() / "elsewhere", job());
  remove_leftovers(kMpirun, tmp(), shm());
  EXPECT_TRUE(fs::exists(tmp() / "elsewhere/contact.txt"));
  EXPECT_EQ(segments().size(), 5u);
}

TEST_F(Leftovers, AreNoneAfterAGoodEnd) {
  remove_leftovers(kMpirun + 1, tmp(), shm());
  remove_leftovers(kMpirun + 1, tmp() / "missing", shm());
  EXPECT_TRUE(fs::exists(job()));
  EXPECT_EQ(segments().size(), 5u);
}

}  // namespace
}  // namespace mpx::runner
