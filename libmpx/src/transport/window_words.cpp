#include "transport/window_words.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <string>
#include <utility>

#include "core/log.hpp"
#include "mpx/error.hpp"
#include "transport/mpi_check.hpp"
#include "transport/shared_memory.hpp"

namespace mpx::detail {
namespace {

constexpr int kUnit = kWordBytes;

std::size_t page_bytes() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

std::size_t whole_pages(std::size_t bytes) {
  return (bytes + page_bytes() - 1) / page_bytes() * page_bytes();
}

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
  const bool shared = over == Over::node || places.nodes() == 1;
  const auto here = places.node_ranks().size();
  WordLayout layout;
  layout.capacity = capacity;
  layout.stride = std::uint64_t{capacity} * kWordBytes;
  if (shared) layout.stride = whole_pages(layout.stride) + page_bytes();  // they begin at a page
  const auto bytes = static_cast<MPI_Aint>(layout.stride);
  if (shared)  // a rank alone on its node takes private memory
    require_shared_memory(communicator, here > 1 ? here * layout.stride : 0);
  void* base = nullptr;
  const char* call = shared ? "MPI_Win_allocate_shared" : "MPI_Win_allocate";
  const int made =
      shared ? MPI_Win_allocate_shared(bytes, kUnit, MPI_INFO_NULL, places.node(), &base, &window_)
             : MPI_Win_allocate(bytes, kUnit, MPI_INFO_NULL, communicator, &base, &window_);
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
  if (shared && unified) find_in_memory(places, std::move(layout));
}

/// Where MPI has put the words of the node's ranks. It puts them side by side, whence they can have
/// other pages.
void WindowWords::find_in_memory(const Places& places, WordLayout layout) {
  layout.ranks = places.node_ranks();
  std::vector<std::byte*> begins;
  for (std::size_t rank = 0; rank < layout.ranks.size(); ++rank) {
    MPI_Aint size = 0;
    int unit = 0;
    void* words = nullptr;
    check(MPI_Win_shared_query(window_, static_cast<int>(rank), &size, &unit, &words),
          "MPI_Win_shared_query");
    begins.push_back(static_cast<std::byte*>(words));
  }
  bool fits = true;
  for (std::size_t rank = 0; rank < begins.size(); ++rank)
    fits &= begins[rank] == begins[0] + rank * layout.stride;
  share_pages(places.node(), layout, begins[0], fits);
  if (pages_ == nullptr && !fits)
    throw TransportError("MPI's shared window has the words of a node's ranks apart");
  map_ = WordMap(pages_ != nullptr ? pages_ : begins[0], layout);
}

/// Collective over the node: the first rank makes the memory, the others open it, and only if all can
/// is it put in the place of the window's pages, of all but those that are not whole.
void WindowWords::share_pages(MPI_Comm node, const WordLayout& layout, std::byte* words,
                              bool fits) {
  const auto page = page_bytes();
  const auto skip = (page - reinterpret_cast<std::uintptr_t>(words) % page) % page;
  const auto bytes = layout.bytes() - page;
  struct Facts {
    std::uint64_t process = 0, file = 0, device = 0, inode = 0, skip = 0;
  } facts;
  UniqueFd memory;
  struct stat status {};
  const bool first = rank_in(node) == 0;
  if (first) {
    try {
      memory = make_word_memory(layout);
    } catch (const LaunchError& error) {
      log_warn("processes ask their ranks for words: {}", error.what());
    }
    ::fstat(memory.get(), &status);
    facts = {static_cast<std::uint64_t>(::getpid()), static_cast<std::uint64_t>(memory.get()),
             status.st_dev, status.st_ino, skip};
  }
  check(MPI_Bcast(&facts, sizeof facts / sizeof(std::uint64_t), MPI_UINT64_T, 0, node),
        "MPI_Bcast");
  if (!first) {
    const auto path = fmt::format("/proc/{}/fd/{}", facts.process, facts.file);
    memory.reset(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (::fstat(memory.get(), &status) != 0 || status.st_dev != facts.device ||
        status.st_ino != facts.inode)
      memory.reset();  // another process has that number here
  }
  void* mapped = nullptr;
  if (memory && fits && skip == facts.skip) {
    try {
      mapped = map_word_memory(memory.get(), bytes);
    } catch (const TransportError& error) {
      log_warn("processes ask their ranks for words: {}", error.what());
    }
  }
  int all = mapped != nullptr ? 1 : 0;
  check(MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_MIN, node), "MPI_Allreduce");
  if (all == 0) {
    if (mapped != nullptr) ::munmap(mapped, bytes);
    if (first)
      log_warn(
          "processes ask their ranks for words, which takes some µs an operation: the {} ranks of "
          "this node cannot map the same memory (are they in containers of their own?)",
          layout.ranks.size());
    return;
  }
  if (::mremap(mapped, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, words + skip) == MAP_FAILED)
    throw TransportError(fmt::format("cannot put memory that processes share into MPI's window: {}",
                                     std::strerror(errno)));
  pages_ = words + skip;
  shared_ = {std::move(memory), layout};
}

WindowWords::~WindowWords() {
  // Unlocking and freeing wait for all ranks, which an error on this one alone would leave hanging.
  if (std::uncaught_exceptions() > 0) return;
  MPI_Win_unlock_all(window_);
  // MPI may have taken the memory from the heap, which must not get pages that others share.
  if (pages_ != nullptr) {
    ::mmap(pages_, shared_.layout.bytes() - page_bytes(), PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  }
  MPI_Win_free(&window_);
}

std::uint64_t WindowWords::work_by_mpi(const WordRequest& request) {
  switch (request.operation) {
    case WordRequest::Operation::exchange:
      return fetch(request.word, request.value, MPI_REPLACE);
    case WordRequest::Operation::add:
      return add(request);
    case WordRequest::Operation::compare_exchange:
      return swap(request.word, request.expected, request.value);
    case WordRequest::Operation::load:
      break;
  }
  return fetch(request.word, 0, MPI_NO_OP);
}

std::uint64_t WindowWords::add(const WordRequest& request) {
  if (request.number == WordNumber::u64) return fetch(request.word, request.value, MPI_SUM);
  auto seen = fetch(request.word, 0, MPI_NO_OP);
  while (true) {
    const auto was = swap(request.word, seen, sum(request.number, seen, request.value));
    if (was == seen) return was;
    seen = was;
  }
}

std::uint64_t WindowWords::swap(WordRef word, std::uint64_t expected, std::uint64_t desired) {
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
