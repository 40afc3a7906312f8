#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mpx::detail {

/// What carries the operations on words from rank to rank; see docs/design.md, Words.
enum class Carrier {
  window,    ///< one MPI window over all ranks
  hybrid,    ///< a shared window per node, and messages between nodes
  messages,  ///< no window: the word's own rank does every operation
};

/// What the choice depends on; the same on every rank.
struct CarrierFacts {
  std::optional<Carrier> forced = std::nullopt;  ///< MPX_WORDS
  int nodes = 1;
  bool own_mpi = false;     ///< libmpx initialised MPI itself (mpx::run), not a host program
  bool infiniband = false;  ///< every node has InfiniBand hardware
  bool atomics = false;     ///< and MPI, on every rank, a component that uses its atomics (osc/ucx)
  bool window_failed = false;  ///< which could not make a window all the same
};

/// MPX_WORDS as a carrier; nothing if it is empty. Throws LaunchError for any other text.
std::optional<Carrier> parse_carrier(const std::string& text);

/// Within a node always shared memory, unless `messages` is forced. Between nodes a window only
/// where hardware does its atomics, or if forced: over TCP messages take half its time. In a host
/// program's MPI it is never tried unasked, since a bad component kills the program.
Carrier choose_carrier(const CarrierFacts& facts);

/// One line for a person: what carries the words, and why.
std::string describe_carrier(Carrier carrier, const CarrierFacts& facts);

/// The value that an environment variable has on every rank. `values` and `hosts` are by rank.
/// Throws LaunchError that names ranks which differ from rank 0.
std::string agreed_value(const std::string& variable, const std::vector<std::string>& values,
                         const std::vector<std::string>& hosts);

/// MPX_WORDS_PER_RANK as a number, 65536 if it is empty. Throws LaunchError if it is none.
std::uint32_t parse_words_per_rank(const std::string& text);

}  // namespace mpx::detail
