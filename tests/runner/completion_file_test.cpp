#include <gtest/gtest.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "completion.hpp"

namespace mpx::runner {
namespace fs = std::filesystem;
namespace {

class CompletionFolder : public testing::Test {
 protected:
  CompletionFolder() {
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    ::setenv("TMPDIR", folder_.c_str(), 1);
  }
  ~CompletionFolder() override {
    ::unsetenv("TMPDIR");
    fs::remove_all(folder_);
  }

  [[nodiscard]] auto count() const {
    return std::distance(fs::directory_iterator(folder_), fs::directory_iterator());
  }

  std::string folder_ = fs::temp_directory_path() / "mpx-completion.XXXXXX";
};

TEST_F(CompletionFolder, IsRemovedByItsOwner) {
  {
    const CompletionFile file;
    file.note_launcher(17);
    std::ofstream(file.path(), std::ios::app) << "started\n";
    EXPECT_TRUE(file.read().started);
    EXPECT_EQ(count(), 1);
  }
  EXPECT_EQ(count(), 0);
}

TEST_F(CompletionFolder, OfAKilledOwnerIsRemovedByTheNextOneAndNoOtherIs) {
  const CompletionFile alive;
  const pid_t child = ::fork();
  if (child == 0) {
    const CompletionFile file;
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(count(), 2);
  fs::create_directory(folder_ + "/other.abcdef");
  fs::create_directory(folder_ + "/mpx-run.foreign");  // has no lock
  std::ofstream(folder_ + "/mpx-run.foreign/file").flush();
  std::ofstream(folder_ + "/mpx-run.file").flush();
  const CompletionFile next;
  EXPECT_TRUE(fs::exists(alive.path()));
  EXPECT_TRUE(fs::exists(next.path()));
  EXPECT_EQ(count(), 5);
}

TEST_F(CompletionFolder, ThatIsEmptyAndOldNeverHadALockAndIsRemoved) {
  fs::create_directory(folder_ + "/mpx-run.young");
  fs::create_directory(folder_ + "/mpx-run.old");
  const timeval long_ago[2] = {{1000, 0}, {1000, 0}};
  ASSERT_EQ(::utimes((folder_ + "/mpx-run.old").c_str(), long_ago), 0);
  remove_abandoned(folder_);
  EXPECT_TRUE(fs::exists(folder_ + "/mpx-run.young"));
  EXPECT_FALSE(fs::exists(folder_ + "/mpx-run.old"));
}

}  // namespace
}  // namespace mpx::runner
