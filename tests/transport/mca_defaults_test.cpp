#include "transport/mca_defaults.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace mpx::detail {
namespace {

constexpr const char* kOpenMpi4 = "Open MPI v4.1.4, package: test";
constexpr const char* kOpenMpi5 = "Open MPI v5.0.7, package: test";

/// A home directory of its own and none of the variables that libmpx sets.
class McaDefaults : public ::testing::Test {
 protected:
  McaDefaults() {
    std::string name = std::filesystem::temp_directory_path() / "mpx-home-XXXXXX";
    home_ = ::mkdtemp(name.data());
    before_ = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "";
    ::setenv("HOME", home_.c_str(), 1);
    forget();
  }
  ~McaDefaults() override {
    forget();
    ::setenv("HOME", before_.c_str(), 1);
    std::filesystem::remove_all(home_);
  }

  static void forget() {
    for (const char* name :
         {"osc", "btl", "opal_event_include", "ess_singleton_isolated", "btl_vader_eager_limit",
          "btl_vader_single_copy_mechanism", "btl_sm_eager_limit", "smsc"})
      ::unsetenv((std::string("OMPI_MCA_") + name).c_str());
  }
  static std::string value(const char* name) {
    const char* text = std::getenv(name);
    return text != nullptr ? text : "";
  }

  std::string home_;
  std::string before_;
};

TEST_F(McaDefaults, AreSetForOpenMpi4) {
  set_mca_defaults(kOpenMpi4, true);
  EXPECT_EQ(value("OMPI_MCA_opal_event_include"), "epoll");
  EXPECT_EQ(value("OMPI_MCA_btl_vader_eager_limit"), "20480");
  EXPECT_EQ(value("OMPI_MCA_ess_singleton_isolated"), "");
  if (!std::filesystem::exists("/sys/class/infiniband")) {
    EXPECT_EQ(value("OMPI_MCA_osc"), "sm,pt2pt");
  }
}

TEST_F(McaDefaults, OfMessagesLeaveTheRestOfMpiAlone) {
  set_message_defaults(kOpenMpi4);
  EXPECT_EQ(value("OMPI_MCA_opal_event_include"), "epoll");
  EXPECT_EQ(value("OMPI_MCA_btl_vader_eager_limit"), "20480");
  EXPECT_EQ(value("OMPI_MCA_osc"), "");
  EXPECT_EQ(value("OMPI_MCA_ess_singleton_isolated"), "");
}

TEST_F(McaDefaults, HaveTheNamesOfOpenMpi5) {
  set_mca_defaults(kOpenMpi5, false);
  EXPECT_EQ(value("OMPI_MCA_btl_sm_eager_limit"), "20480");
  EXPECT_EQ(value("OMPI_MCA_btl"), "self");  // without a launcher
  for (const char* of_4 : {"OMPI_MCA_btl_vader_eager_limit", "OMPI_MCA_opal_event_include",
                           "OMPI_MCA_ess_singleton_isolated"})
    EXPECT_EQ(value(of_4), "") << of_4;
}

TEST_F(McaDefaults, LeaveComponentsAloneInOpenMpi5) {
  set_mca_defaults(kOpenMpi5, true);
  for (const char* components : {"OMPI_MCA_osc", "OMPI_MCA_btl"})
    EXPECT_EQ(value(components), "") << components;
}

TEST_F(McaDefaults, KeepAProgramAloneFromForkingADaemon) {
  set_mca_defaults(kOpenMpi4, false);
  EXPECT_EQ(value("OMPI_MCA_ess_singleton_isolated"), "1");
}

TEST_F(McaDefaults, RespectTheUsersEnvironment) {
  ::setenv("OMPI_MCA_osc", "rdma", 1);
  set_mca_defaults(kOpenMpi4, true);
  EXPECT_EQ(value("OMPI_MCA_osc"), "rdma");
}

TEST_F(McaDefaults, RespectTheUsersFile) {
  std::filesystem::create_directory(home_ + "/.openmpi");
  std::ofstream(home_ + "/.openmpi/mca-params.conf")
      << "# osc = none\n  osc = rdma\nopal_event_include_x = 1\n";
  set_mca_defaults(kOpenMpi4, true);
  EXPECT_EQ(value("OMPI_MCA_osc"), "");
  EXPECT_EQ(value("OMPI_MCA_opal_event_include"), "epoll");
}

}  // namespace
}  // namespace mpx::detail
