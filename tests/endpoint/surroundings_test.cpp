#include "endpoint/surroundings.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

using Texts = std::vector<std::string>;

TEST(Surroundings, TellWhatTheCodeHasChangedAndWhatItWasGiven) {
  const auto there = std::filesystem::current_path();
  ::setenv("MPX_TEST_KEPT", "1", 1);
  ::setenv("MPX_TEST_CHANGED", "1", 1);
  ::setenv("MPX_TEST_REMOVED", "1", 1);
  ::unsetenv("MPX_TEST_ADDED");
  EXPECT_TRUE(current_surroundings().set.empty()) << "no code has begun";
  note_surroundings({"/given", {"MPX_TEST_GIVEN=1", "MPX_TEST_REMOVED=1"}, {"MPX_TEST_ADDED"}});
  auto now = current_surroundings();
  EXPECT_EQ(now.directory, "/given");
  EXPECT_EQ(now.set, (Texts{"MPX_TEST_GIVEN=1", "MPX_TEST_REMOVED=1"}));
  EXPECT_EQ(now.unset, Texts{"MPX_TEST_ADDED"});
  ::setenv("MPX_TEST_KEPT", "1", 1);
  ::setenv("MPX_TEST_CHANGED", "2=2", 1);
  ::setenv("MPX_TEST_ADDED", "", 1);
  ::unsetenv("MPX_TEST_REMOVED");
  ::setenv("MPX_SLOT", "7", 1);  // a process has its own
  ::setenv("PMIX_RANK", "7", 1);
  std::filesystem::current_path("/");
  now = current_surroundings();
  EXPECT_EQ(now.directory, "/");
  EXPECT_EQ(now.set, (Texts{"MPX_TEST_ADDED=", "MPX_TEST_CHANGED=2=2", "MPX_TEST_GIVEN=1"}));
  EXPECT_EQ(now.unset, Texts{"MPX_TEST_REMOVED"});
  const auto gone = std::filesystem::temp_directory_path() / ("mpx-" + std::to_string(::getpid()));
  std::filesystem::create_directory(gone);
  std::filesystem::current_path(gone);
  std::filesystem::remove(gone);
  EXPECT_THROW(static_cast<void>(current_surroundings()), UsageError);
  std::filesystem::current_path(there);
  enter_surroundings({"", {"MPX_TEST_KEPT=new"}, {"MPX_TEST_CHANGED", "MPX_SLOT", "PMIX_RANK"}});
  EXPECT_STREQ(std::getenv("MPX_TEST_KEPT"), "new");
  EXPECT_EQ(std::getenv("MPX_TEST_CHANGED"), nullptr);
  EXPECT_THROW(enter_surroundings({gone, {}, {}}), LaunchError);
}

}  // namespace
}  // namespace mpx::detail
