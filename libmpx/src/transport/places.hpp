#pragma once

#include <mpi.h>

#include <cstdint>
#include <string>
#include <vector>

namespace mpx::detail {

/// Where the ranks of a communicator run.
///
/// For tests, MPX_NODE_RANKS=n pretends that every n ranks in a row have a node of their own.
///
/// Ownership: owns the communicator of this rank's node.
class Places {
 public:
  /// Collective.
  explicit Places(MPI_Comm communicator);
  Places(const Places&) = delete;
  Places& operator=(const Places&) = delete;
  ~Places();

  [[nodiscard]] int rank() const { return self_; }
  [[nodiscard]] int size() const { return static_cast<int>(places_.size()); }
  [[nodiscard]] const std::string& host(int rank) const { return at(rank).host; }
  /// Whether `rank` shares memory with this rank.
  [[nodiscard]] bool same_node(int rank) const { return at(rank).node == at(self_).node; }
  /// Whether also its sockets can be reached: the same node and the same network namespace.
  [[nodiscard]] bool within_ring(int rank) const;

  /// By rank: another one within_ring().
  [[nodiscard]] std::vector<bool> neighbours() const;

  /// How many nodes there are.
  [[nodiscard]] int nodes() const;
  [[nodiscard]] MPI_Comm node() const { return node_; }
  /// Ranks of this node, in the order of the node's communicator.
  [[nodiscard]] std::vector<int> node_ranks() const;

 private:
  struct Place {
    std::string host;
    int node;               // the lowest rank there
    std::uint64_t network;  // inode of the network namespace
  };
  [[nodiscard]] const Place& at(int rank) const { return places_[static_cast<std::size_t>(rank)]; }

  int self_ = 0;
  MPI_Comm node_ = MPI_COMM_NULL;
  std::vector<Place> places_;
};

}  // namespace mpx::detail
