#include "transport/window_words.hpp"

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

std::size_t size_of(MPI_Comm communicator) {
  int size = 0;
  check(MPI_Comm_size(communicator, &size), "MPI_Comm_size");
  return static_cast<std::size_t>(size);
}

bool all_on_one_node(MPI_Comm communicator) {
  MPI_Comm node = MPI_COMM_NULL;
  check(MPI_Comm_split_type(communicator, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node),
        "MPI_Comm_split_type");
  int here = 0;
  int all = 0;
  MPI_Comm_size(node, &here);
  MPI_Comm_size(communicator, &all);
  check(MPI_Comm_free(&node), "MPI_Comm_free");
  int one = here == all ? 1 : 0;
  check(MPI_Allreduce(MPI_IN_PLACE, &one, 1, MPI_INT, MPI_MIN, communicator), "MPI_Allreduce");
  return one == 1;
}

}  // namespace

WindowWords::WindowWords(MPI_Comm communicator, std::uint32_t capacity)
    : Words(rank_in(communicator), capacity) {
  const auto bytes = static_cast<MPI_Aint>(capacity) * kWordBytes;
  void* base = nullptr;
  const bool shared = all_on_one_node(communicator);
  if (const auto ranks = size_of(communicator); shared && ranks > 1)  // else: private memory
    require_shared_memory(communicator, ranks * capacity * kWordBytes);
  const int made =
      shared
          ? MPI_Win_allocate_shared(bytes, kWordBytes, MPI_INFO_NULL, communicator, &base, &window_)
          : MPI_Win_allocate(bytes, kWordBytes, MPI_INFO_NULL, communicator, &base, &window_);
  // One rank's failure must not leave the others with a window that they can't free.
  int failures = made == MPI_SUCCESS ? 0 : 1;
  check(MPI_Allreduce(MPI_IN_PLACE, &failures, 1, MPI_INT, MPI_SUM, communicator), "MPI_Allreduce");
  check(made, "MPI_Win_allocate");
  if (failures != 0)
    throw TransportError("MPI_Win_allocate failed on " + std::to_string(failures) + " other ranks");
  check(MPI_Win_set_errhandler(window_, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler");
  check(MPI_Win_lock_all(MPI_MODE_NOCHECK, window_), "MPI_Win_lock_all");
}

WindowWords::~WindowWords() {
  // Unlocking and freeing wait for all ranks, which an error on this one alone would leave hanging.
  if (std::uncaught_exceptions() > 0) return;
  MPI_Win_unlock_all(window_);
  MPI_Win_free(&window_);
}

std::uint64_t WindowWords::load(WordRef word) { return fetch(word, 0, MPI_NO_OP); }

std::uint64_t WindowWords::exchange(WordRef word, std::uint64_t value) {
  return fetch(word, value, MPI_REPLACE);
}

std::uint64_t WindowWords::fetch_add(WordRef word, std::uint64_t value) {
  return fetch(word, value, MPI_SUM);
}

std::uint64_t WindowWords::compare_exchange(WordRef word, std::uint64_t expected,
                                            std::uint64_t desired) {
  std::uint64_t before = 0;
  check(MPI_Compare_and_swap(&desired, &expected, &before, MPI_UINT64_T, word.home,
                             static_cast<MPI_Aint>(word.slot), window_),
        "MPI_Compare_and_swap");
  check(MPI_Win_flush(word.home, window_), "MPI_Win_flush");
  return before;
}

std::uint64_t WindowWords::fetch(WordRef word, std::uint64_t operand, MPI_Op operation) {
  std::uint64_t before = 0;
  check(MPI_Fetch_and_op(&operand, &before, MPI_UINT64_T, word.home,
                         static_cast<MPI_Aint>(word.slot), operation, window_),
        "MPI_Fetch_and_op");
  check(MPI_Win_flush(word.home, window_), "MPI_Win_flush");
  return before;
}

}  // namespace mpx::detail
