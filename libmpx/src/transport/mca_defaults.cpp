#include "transport/mca_defaults.hpp"

#include <mpi.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

#include "transport/mpi_check.hpp"

namespace mpx::detail {
namespace {

bool set_in_users_file(const std::string& parameter) {
  const char* home = std::getenv("HOME");
  if (home == nullptr) return false;
  std::ifstream file(std::string(home) + "/.openmpi/mca-params.conf");
  for (std::string line; std::getline(file, line);) {
    const auto start = line.find_first_not_of(" \t");
    if (start == std::string::npos || line.compare(start, parameter.size(), parameter) != 0)
      continue;
    const auto next = line.find_first_not_of(" \t", start + parameter.size());
    if (next != std::string::npos && line[next] == '=') return true;
  }
  return false;
}

void set_default(const std::string& parameter, const char* value) {
  if (!set_in_users_file(parameter)) ::setenv(("OMPI_MCA_" + parameter).c_str(), value, 0);
}

bool is_four(const std::string& version) { return version.rfind("Open MPI v4.", 0) == 0; }

/// Whether this process may read another's memory: seccomp filters of containers forbid the call
/// altogether, which Open MPI notices only when a large message fails.
bool cross_memory_attach_works() {
  char from = 1;
  char to = 0;
  const iovec local{&to, 1};
  const iovec remote{&from, 1};
  return ::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0) == 1;
}

}  // namespace

bool started_by_launcher() {
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMIX_NAMESPACE", "PMI_RANK"})
    if (std::getenv(variable) != nullptr) return true;
  return false;
}

std::string mpi_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING + 1> text{};
  int length = 0;
  check(MPI_Get_library_version(text.data(), &length), "MPI_Get_library_version");
  const std::string whole(text.data(), static_cast<std::size_t>(length));
  return whole.substr(0, whole.find_first_of(std::string_view("\n\0", 2)));
}

bool has_infiniband() {
  std::error_code error;
  const std::filesystem::path devices = "/sys/class/infiniband";
  return std::filesystem::exists(devices, error) && !std::filesystem::is_empty(devices, error) &&
         !error;
}

void set_message_defaults(const std::string& version) {
  const bool four = is_four(version);
  // Lets a body of 16 KiB go in one piece: that takes a third of the time of the rendezvous.
  set_default(four ? "btl_vader_eager_limit" : "btl_sm_eager_limit", "20480");
  if (!cross_memory_attach_works()) {
    if (four) {
      set_default("btl_vader_single_copy_mechanism", "none");
    } else {
      set_default("smsc", "^cma");
    }
  }
  // The default, poll, costs time in proportion to the connections, of which rank 0 has most.
  if (four) set_default("opal_event_include", "epoll");
}

void set_mca_defaults(const std::string& version, bool launched) {
  set_message_defaults(version);
  if (!is_four(version)) {
    // A program alone needs no other; sm would leave its shared memory in /dev/shm at the end.
    if (!launched) set_default("btl", "self");
    return;
  }
  // A program alone would otherwise fork a daemon, for an MPI_Comm_spawn that never comes.
  if (!launched) set_default("ess_singleton_isolated", "1");
  // Debian's default fails between nodes, and its osc/rdma crashes in MPI_Compare_and_swap. With
  // InfiniBand the default is left alone, since the network's own atomics are better than both.
  if (!has_infiniband()) set_default("osc", "sm,pt2pt");
}

}  // namespace mpx::detail
