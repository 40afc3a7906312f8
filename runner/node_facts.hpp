#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mpx::runner {

/// What the doctor asks of one node; gathered there by mpx-probe and sent as a line of text.
struct NodeFacts {
  static constexpr std::uint64_t kUnlimited = UINT64_MAX;

  std::string host;  ///< as the node calls itself
  int rank = 0;
  int cores = 1;                 ///< that processes may use there
  int slots = 0;                 ///< of this rank, by MPX_SLOTS; 0: none, or not said
  std::string build;             ///< of libmpx there
  std::uint64_t open_files = 0;  ///< the soft limits of a process
  std::uint64_t processes = 0;
  std::uint64_t locked_memory = 0;  ///< bytes
  std::uint64_t core_size = 0;      ///< bytes
  std::string core_pattern;
  bool infiniband = false;
  std::uint64_t shm_free = 0;           ///< bytes
  std::string shm_trouble;              ///< why /dev/shm cannot be used; empty: it can
  std::string tmp;                      ///< the temporary folder
  std::string tmp_trouble;              ///< why nothing can be written there; empty: it can
  std::string tmp_network;              ///< the kind of network file system that it is on, if any
  bool sees_marker = false;             ///< the file that mpx-run made in its own temporary folder
  std::vector<std::string> unresolved;  ///< of the hosts asked for

  friend bool operator==(const NodeFacts&, const NodeFacts&) = default;
};

/// Looks at this machine. `hosts` are the names to resolve, `marker` a path to look for.
[[nodiscard]] NodeFacts gather_node_facts(const std::vector<std::string>& hosts,
                                          const std::string& marker);

/// The facts as a line of text, with its end.
[[nodiscard]] std::string to_line(const NodeFacts& facts);

/// Reads such a line (without its end); none if it is another.
[[nodiscard]] std::optional<NodeFacts> parse_node_line(const std::string& line);

/// The slots of `rank` in a list like MPX_SLOTS ("4,4,2" for ranks 1, 2, …); 0 if it names none.
[[nodiscard]] int slots_of_rank(const std::string& list, int rank);

}  // namespace mpx::runner
