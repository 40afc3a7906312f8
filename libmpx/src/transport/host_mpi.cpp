#include "transport/host_mpi.hpp"

#include <mpi.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <utility>

#include "core/log.hpp"
#include "transport/mpi_check.hpp"

namespace mpx::detail {
namespace {

int on_delete(MPI_Comm /*self*/, int /*key*/, void* hook, void* /*extra*/) {
  static_cast<FinalizeHook*>(hook)->fire();
  return MPI_SUCCESS;
}

std::string host_name() {
  std::array<char, MPI_MAX_PROCESSOR_NAME + 1> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

}  // namespace

void await_ranks(int fortran_handle, std::chrono::seconds patience, const std::string& note) {
  using std::chrono::steady_clock;
  using namespace std::chrono_literals;
  const MPI_Comm host = MPI_Comm_f2c(fortran_handle);
  MPI_Request request = MPI_REQUEST_NULL;
  check(MPI_Ibarrier(host, &request), "MPI_Ibarrier");
  const auto start = steady_clock::now();
  bool told = false;
  while (true) {
    int here = 0;
    check(MPI_Test(&request, &here, MPI_STATUS_IGNORE), "MPI_Test");
    if (here != 0) return;
    const auto waited = steady_clock::now() - start;
    if (waited < 1ms) {
      ::sched_yield();
    } else {
      std::this_thread::sleep_for(waited < 1s ? 100us : 1000us);
    }
    if (told || waited < patience) continue;
    told = true;
    int rank = 0;
    int size = 0;
    check(MPI_Comm_rank(host, &rank), "MPI_Comm_rank");
    check(MPI_Comm_size(host, &size), "MPI_Comm_size");
    log_warn(
        "rank {} of the {} ranks of a communicator, on host {}, has waited {} s for others of them "
        "to make a Session on it too, which is collective: those that do not say so here have not; "
        "still waiting{}",
        rank, size, host_name(), patience.count(), note);
  }
}

FinalizeHook::FinalizeHook(std::function<void()> action) : action_(std::move(action)) {
  check(MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, on_delete, &key_, nullptr),
        "MPI_Comm_create_keyval");
  check(MPI_Comm_set_attr(MPI_COMM_SELF, key_, this), "MPI_Comm_set_attr");
}

FinalizeHook::~FinalizeHook() {
  if (!action_) return;  // MPI itself has taken the attribute away
  action_ = nullptr;
  MPI_Comm_delete_attr(MPI_COMM_SELF, key_);
  MPI_Comm_free_keyval(&key_);
}

void FinalizeHook::fire() {
  if (const auto action = std::exchange(action_, nullptr)) action();
}

}  // namespace mpx::detail
