#include "facts.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "refusal.hpp"

namespace mpx::runner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Facts, ReadTheVersionOfOpenMpi) {
  const auto version = parse_version("mpirun (Open MPI) 4.1.4\n\nReport bugs to …\n");
  ASSERT_TRUE(version);
  EXPECT_EQ(version->major, 4);
  EXPECT_EQ(version->minor, 1);
  EXPECT_EQ(parse_version("mpirun (Open MPI) 5.0.7rc1")->major, 5);
  EXPECT_FALSE(parse_version("HYDRA build details:\n    Version: 4.0.2\n"));
  EXPECT_FALSE(parse_version(""));
}

TEST(Facts, ReadTheQuotaOfACgroup) {
  EXPECT_EQ(parse_quota("400000", "100000"), 4);
  EXPECT_EQ(parse_quota("250000", "100000"), 2);
  EXPECT_EQ(parse_quota("50000", "100000"), 1);
  EXPECT_FALSE(parse_quota("max", "100000"));
  EXPECT_FALSE(parse_quota("-1", "100000"));
  EXPECT_FALSE(parse_quota("", ""));
}

TEST(Facts, ReadTheUsersParameters) {
  EXPECT_THAT(parse_parameters("# osc = x\n osc = ucx \nbtl=self#no\nword\n"),
              ElementsAre("btl", "osc"));
}

TEST(FindProgram, SaysWhatIsWrongWithAProgramThatCannotRun) {
  std::string folder = std::filesystem::temp_directory_path() / "mpx-facts.XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  std::ofstream(folder + "/plain") << "text";
  const auto refusal = [](const std::string& name) {
    try {
      return find_program(name);
    } catch (const Refusal& refusal) {
      return std::to_string(refusal.status()) + ": " + refusal.what();
    }
  };
  EXPECT_THAT(refusal(folder + "/none"), HasSubstr("127: there is no program"));
  EXPECT_THAT(refusal(folder), HasSubstr("126: " + folder + " is a folder"));
  EXPECT_THAT(refusal(folder + "/plain"), HasSubstr("chmod +x"));
  EXPECT_THAT(refusal("no-such-program-anywhere"), HasSubstr("127: there is no program"));
  ::chmod((folder + "/plain").c_str(), 0755);
  EXPECT_THAT(refusal(folder + "/plain"),
              HasSubstr("Exec format error; a script needs a first line"));
  std::ofstream(folder + "/plain") << "#!/no/such/shell\n";
  EXPECT_THAT(refusal(folder + "/plain"), HasSubstr("126: "));
  EXPECT_THAT(refusal(folder + "/plain"), HasSubstr("can /no/such/shell be run?"));
  std::ofstream(folder + "/plain") << "\x7f"
                                      "ELF, but no more";
  EXPECT_THAT(refusal(folder + "/plain"), HasSubstr("Exec format error"));
  std::ofstream(folder + "/plain").flush();
  EXPECT_THAT(refusal(folder + "/plain"), HasSubstr("Exec format error"));
  std::ofstream(folder + "/plain") << "#!/bin/sh\ntouch " << folder << "/was_run\n";
  EXPECT_EQ(refusal(folder + "/plain"), folder + "/plain");
  EXPECT_FALSE(std::filesystem::exists(folder + "/was_run"));
  EXPECT_THAT(refusal("sh"), HasSubstr("/sh"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace mpx::runner
