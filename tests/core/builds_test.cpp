#include "core/builds.hpp"

#include <gtest/gtest.h>

namespace mpx::detail {
namespace {

TEST(Builds, AreTheSameAsThemselves) {
  const auto own = describe_build();
  EXPECT_NE(own.find("test_core\n"), std::string::npos) << own;
  EXPECT_NE(own.find("libc.so"), std::string::npos) << own;
  EXPECT_EQ(different_module(own, own), "");
}

TEST(Builds, DifferByTheProgramWhateverItsPath) {
  EXPECT_EQ(different_module("01 /a/program\n", "02 /a/program\n"), "/a/program");
  EXPECT_EQ(different_module("01 /a/program\n", "02 /b/other\n"), "/a/program");
  EXPECT_EQ(different_module("01 /a/program\n", "01 /b/other\n"), "");
}

TEST(Builds, DifferByALibraryOfTheSameName) {
  const std::string one = "01 /program\n02 /lib/libx.so\n03 /lib/liby.so\n";
  EXPECT_EQ(different_module(one, "01 /program\n03 /lib/liby.so\n02 /lib/libx.so\n"), "");
  EXPECT_EQ(different_module(one, "01 /program\n02 /opt/libx.so\n03 /lib/liby.so\n"), "");
  EXPECT_EQ(different_module(one, "01 /program\n02 /lib/libx.so\n04 /opt/liby.so\n"),
            "/lib/liby.so");
}

TEST(Builds, DoNotDifferByWhatOnlyOneHasLoaded) {
  const std::string one = "01 /program\n02 /lib/libx.so\n03 /openmpi/mca_btl_vader.so\n";
  const std::string other = "01 /program\n02 /lib/libx.so\n";
  EXPECT_EQ(different_module(one, other), "");
  EXPECT_EQ(different_module(other, one), "");
}

TEST(Builds, MayHaveSpacesInTheirPaths) {
  EXPECT_EQ(different_module("01 /my program\n", "02 /my program\n"), "/my program");
}

}  // namespace
}  // namespace mpx::detail
