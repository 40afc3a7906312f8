#include "transport/places.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "transport/mpi_check.hpp"

namespace mpx::detail {
namespace {

struct WirePlace {
  std::array<char, 256> host;
  std::uint64_t network;
  std::int64_t node;
};

/// See Places; 0 without the variable.
int pretended_node_ranks() {
  const char* text = std::getenv("MPX_NODE_RANKS");
  return text != nullptr ? std::max(std::atoi(text), 0) : 0;
}

std::uint64_t network_namespace() {
  struct stat facts {};
  return ::stat("/proc/self/ns/net", &facts) == 0 ? facts.st_ino : 0;
}

}  // namespace

Places::Places(MPI_Comm communicator) {
  int size = 0;
  check(MPI_Comm_rank(communicator, &self_), "MPI_Comm_rank");
  check(MPI_Comm_size(communicator, &size), "MPI_Comm_size");
  check(MPI_Comm_split_type(communicator, MPI_COMM_TYPE_SHARED, self_, MPI_INFO_NULL, &node_),
        "MPI_Comm_split_type");
  if (const int ranks = pretended_node_ranks(); ranks > 0) {
    MPI_Comm whole = std::exchange(node_, MPI_COMM_NULL);
    check(MPI_Comm_split(whole, self_ / ranks, self_, &node_), "MPI_Comm_split");
    check(MPI_Comm_free(&whole), "MPI_Comm_free");
  }
  check(MPI_Comm_set_errhandler(node_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");

  int first = self_;
  check(MPI_Bcast(&first, 1, MPI_INT, 0, node_), "MPI_Bcast");
  WirePlace mine{};
  ::gethostname(mine.host.data(), mine.host.size() - 1);
  mine.network = network_namespace();
  mine.node = first;
  std::vector<WirePlace> all(static_cast<std::size_t>(size));
  check(
      MPI_Allgather(&mine, sizeof mine, MPI_BYTE, all.data(), sizeof mine, MPI_BYTE, communicator),
      "MPI_Allgather");
  places_.reserve(all.size());
  for (const auto& place : all)
    places_.push_back({place.host.data(), static_cast<int>(place.node), place.network});
}

Places::~Places() {
  if (node_ != MPI_COMM_NULL) MPI_Comm_free(&node_);
}

bool Places::within_ring(int rank) const {
  return same_node(rank) && at(rank).network == at(self_).network;
}

std::vector<bool> Places::neighbours() const {
  std::vector<bool> ranks;
  for (int rank = 0; rank < size(); ++rank) ranks.push_back(rank != self_ && within_ring(rank));
  return ranks;
}

int Places::nodes() const {
  int count = 0;
  for (int rank = 0; rank < size(); ++rank) count += at(rank).node == rank ? 1 : 0;
  return count;
}

std::vector<int> Places::node_ranks() const {
  std::vector<int> ranks;
  for (int rank = 0; rank < size(); ++rank)
    if (same_node(rank)) ranks.push_back(rank);
  return ranks;
}

}  // namespace mpx::detail
