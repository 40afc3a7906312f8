#pragma once

#include <mpi.h>

#include <cstdint>

#include "transport/words.hpp"

namespace mpx::detail {

/// Words in one MPI window over all ranks, locked once for its whole life.
///
/// Where all ranks share a node the window is a shared one, which always gets Open MPI's osc/sm:
/// 0.03 µs an operation, and safe whatever the user's settings. Between nodes it relies on the
/// `osc` setting made by MpiLibrary.
///
/// Cost:          64 bytes of window memory a word, and of real memory a word that was ever used.
class WindowWords final : public Words {
 public:
  static constexpr std::uint32_t kDefaultCapacity = 1u << 16;

  /// Collective. Throws TransportError, on every rank, if the window can't be made.
  WindowWords(MPI_Comm communicator, std::uint32_t capacity);
  /// Collective.
  ~WindowWords() override;

  std::uint64_t load(WordRef word) override;
  std::uint64_t exchange(WordRef word, std::uint64_t value) override;
  std::uint64_t fetch_add(WordRef word, std::uint64_t value) override;
  std::uint64_t compare_exchange(WordRef word, std::uint64_t expected,
                                 std::uint64_t desired) override;

 private:
  std::uint64_t fetch(WordRef word, std::uint64_t operand, MPI_Op operation);

  MPI_Win window_ = MPI_WIN_NULL;
};

}  // namespace mpx::detail
