#include "transport/window_words.hpp"

#include <atomic>
#include <exception>
#include <string>

#include "mpx/error.hpp"
#include "transport/mpi_check.hpp"
#include "transport/shared_memory.hpp"

namespace mpx::detail {
namespace {

constexpr int kWordBytes = 64;  // a cache line each, so that neighbours do not disturb each other

int rank_in(MPI_Comm communicator) {
  int rank = 0;
  check(MPI_Comm_rank(communicator, &rank), "MPI_Comm_rank");
  return rank;
}

std::vector<int> targets_over(const Places& places, bool all) {
  std::vector<int> targets(static_cast<std::size_t>(places.size()), -1);
  int index = 0;
  for (int rank = 0; rank < places.size(); ++rank)
    if (all || places.same_node(rank)) targets[static_cast<std::size_t>(rank)] = index++;
  return targets;
}

}  // namespace

WindowWords::WindowWords(MPI_Comm communicator, const Places& places, Over over,
                         std::uint32_t capacity)
    : Words(rank_in(communicator), capacity), targets_(targets_over(places, over == Over::all)) {
  const auto bytes = static_cast<MPI_Aint>(capacity) * kWordBytes;
  const bool shared = over == Over::node || places.nodes() == 1;
  const auto here = places.node_ranks().size();
  if (shared)  // a rank alone on its node takes private memory
    require_shared_memory(communicator, here > 1 ? here * capacity * kWordBytes : 0);
  void* base = nullptr;
  const char* call = shared ? "MPI_Win_allocate_shared" : "MPI_Win_allocate";
  const int made =
      shared ? MPI_Win_allocate_shared(bytes, kWordBytes, MPI_INFO_NULL, places.node(), &base,
                                       &window_)
             : MPI_Win_allocate(bytes, kWordBytes, MPI_INFO_NULL, communicator, &base, &window_);
  // One rank's failure must not leave the others with a window that they can't free.
  int failures = made == MPI_SUCCESS ? 0 : 1;
  check(MPI_Allreduce(MPI_IN_PLACE, &failures, 1, MPI_INT, MPI_SUM, communicator), "MPI_Allreduce");
  check(made, call);
  if (failures != 0)
    throw TransportError(std::string(call) + " failed on " + std::to_string(failures) +
                         " other ranks");
  check(MPI_Win_set_errhandler(window_, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler");
  check(MPI_Win_lock_all(MPI_MODE_NOCHECK, window_), "MPI_Win_lock_all");
  const int* model = nullptr;
  int known = 0;
  check(MPI_Win_get_attr(window_, MPI_WIN_MODEL, &model, &known), "MPI_Win_get_attr");
  const bool unified = known != 0 && *model == MPI_WIN_UNIFIED;
  for (std::size_t rank = 0; shared && unified && rank < here; ++rank) {
    MPI_Aint size = 0;
    int unit = 0;
    void* words = nullptr;
    check(MPI_Win_shared_query(window_, static_cast<int>(rank), &size, &unit, &words),
          "MPI_Win_shared_query");
    shared_.push_back(static_cast<std::uint64_t*>(words));
  }
}

WindowWords::~WindowWords() {
  // Unlocking and freeing wait for all ranks, which an error on this one alone would leave hanging.
  if (std::uncaught_exceptions() > 0) return;
  MPI_Win_unlock_all(window_);
  MPI_Win_free(&window_);
}

std::uint64_t* WindowWords::in_memory(WordRef word) const {
  const auto home = static_cast<std::size_t>(target(word));
  if (shared_.empty()) return nullptr;
  return shared_[home] + std::size_t{word.slot} * (kWordBytes / sizeof(std::uint64_t));
}

std::uint64_t WindowWords::load(WordRef word) {
  if (auto* place = in_memory(word)) return std::atomic_ref(*place).load();
  return fetch(word, 0, MPI_NO_OP);
}

std::uint64_t WindowWords::exchange(WordRef word, std::uint64_t value) {
  if (auto* place = in_memory(word)) return std::atomic_ref(*place).exchange(value);
  return fetch(word, value, MPI_REPLACE);
}

std::uint64_t WindowWords::fetch_add(WordRef word, std::uint64_t value) {
  if (auto* place = in_memory(word)) return std::atomic_ref(*place).fetch_add(value);
  return fetch(word, value, MPI_SUM);
}

std::uint64_t WindowWords::compare_exchange(WordRef word, std::uint64_t expected,
                                            std::uint64_t desired) {
  if (auto* place = in_memory(word)) {
    std::atomic_ref(*place).compare_exchange_strong(expected, desired);
    return expected;
  }
  const int home = target(word);
  std::uint64_t before = 0;
  check(MPI_Compare_and_swap(&desired, &expected, &before, MPI_UINT64_T, home,
                             static_cast<MPI_Aint>(word.slot), window_),
        "MPI_Compare_and_swap");
  check(MPI_Win_flush(home, window_), "MPI_Win_flush");
  return before;
}

std::uint64_t WindowWords::fetch(WordRef word, std::uint64_t operand, MPI_Op operation) {
  const int home = target(word);
  std::uint64_t before = 0;
  check(MPI_Fetch_and_op(&operand, &before, MPI_UINT64_T, home, static_cast<MPI_Aint>(word.slot),
                         operation, window_),
        "MPI_Fetch_and_op");
  check(MPI_Win_flush(home, window_), "MPI_Win_flush");
  return before;
}

}  // namespace mpx::detail
