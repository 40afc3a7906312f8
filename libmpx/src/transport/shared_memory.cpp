#include "transport/shared_memory.hpp"

#include <dlfcn.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "mpx/error.hpp"
#include "transport/mpi_check.hpp"

namespace mpx::detail {
namespace {

const char* directory() {
  const char* chosen = std::getenv("OMPI_MCA_osc_sm_backing_directory");
  return chosen != nullptr && *chosen != '\0' ? chosen : "/dev/shm";
}

/// What a process may still write there.
std::uint64_t free_bytes(const char* path) {
  struct statvfs facts {};
  // Where there is no such folder, Open MPI takes another one.
  if (::statvfs(path, &facts) != 0) return UINT64_MAX;
  return std::uint64_t{facts.f_bavail} * facts.f_frsize;
}

std::string shortage(std::size_t bytes, int rank) {
  // Open MPI adds its own state, a page here and there, and refuses what does not fit as a whole.
  constexpr std::size_t kAside = std::size_t{64} << 10;
  const auto there = free_bytes(directory());
  if (bytes == 0 || bytes + kAside <= there) return {};
  std::array<char, MPI_MAX_PROCESSOR_NAME + 1> host{};
  ::gethostname(host.data(), host.size() - 1);
  return std::string(directory()) + " on host " + host.data() + " is full: the shared memory of " +
         "its ranks (rank " + std::to_string(rank) + " among them) needs " +
         std::to_string((bytes + kAside) >> 10) + " KiB there, and " + std::to_string(there >> 10) +
         " KiB are free; delete what is left over in it (as vader_segment.* or sm_segment.*), make "
         "it larger (mount -o remount,size=…; docker --shm-size), lower MPX_WORDS_PER_RANK, or "
         "set MPX_WORDS=messages";
}

const char* watched = nullptr;  // the folder; a handler may not call getenv

void say(std::string_view text) {
  static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
}

void on_bus_error(int signo) {
  std::array<char, 24> digits{};
  const auto number = [&](std::uint64_t value) {
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    say({digits.data(), static_cast<std::size_t>(end - digits.data())});
  };
  say("mpx: process ");
  number(static_cast<std::uint64_t>(::getpid()));
  say(" has a bus error (SIGBUS) and ends; this happens where shared memory is full: ");
  say(watched);
  say(" has ");
  number(free_bytes(watched) >> 10);
  say(" KiB free; delete what is left over in it, or make it larger\n");
  std::signal(signo, SIG_DFL);  // the instruction is tried again
}

/// UCX, which Open MPI 5 brings with it, prints a backtrace at errors, and no reason.
bool is_of_ucx(const struct sigaction& action) {
  Dl_info info{};
  return ::dladdr(reinterpret_cast<void*>(action.sa_sigaction), &info) != 0 &&
         std::string_view(info.dli_fname).find("/libucs.") != std::string_view::npos;
}

}  // namespace

void require_shared_memory(MPI_Comm communicator, std::size_t bytes) {
  int rank = 0;
  check(MPI_Comm_rank(communicator, &rank), "MPI_Comm_rank");
  const auto mine = shortage(bytes, rank);
  struct {
    int enough, rank;
  } worst{mine.empty() ? 1 : 0, rank};
  check(MPI_Allreduce(MPI_IN_PLACE, &worst, 1, MPI_2INT, MPI_MINLOC, communicator),
        "MPI_Allreduce");
  if (worst.enough == 1) return;
  std::array<char, 1024> text{};
  mine.copy(text.data(), text.size() - 1);
  check(MPI_Bcast(text.data(), static_cast<int>(text.size()), MPI_CHAR, worst.rank, communicator),
        "MPI_Bcast");
  throw LaunchError(text.data());
}

void explain_bus_errors() {
  struct sigaction before {};
  if (::sigaction(SIGBUS, nullptr, &before) != 0) return;
  if (before.sa_handler != SIG_DFL && !is_of_ucx(before)) return;
  watched = directory();
  struct sigaction action {};
  action.sa_handler = on_bus_error;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace mpx::detail
