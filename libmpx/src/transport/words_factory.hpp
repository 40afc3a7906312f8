#pragma once

#include <mpi.h>

#include <memory>
#include <string>
#include <vector>

#include "transport/words.hpp"

namespace mpx::detail {

/// Throws LaunchError unless this rank's MPX_WORDS and MPX_WORDS_PER_RANK can be read.
void check_words_settings();

/// What one rank knows for the choice of a carrier, as text for all: its settings (MPX_WORDS,
/// MPX_WORDS_PER_RANK) and its node's hardware.
std::string words_facts();

/// The words of the ranks of `communicator`, by the carrier that `facts` (of every rank, in order)
/// ask for; `own_mpi`: libmpx initialised MPI. Collective. Throws the same on every rank:
/// LaunchError if settings are wrong or differ, if a node lacks shared memory, or if MPX_WORDS asks
/// for a window that MPI cannot make; TransportError.
std::unique_ptr<Words> make_words_by(MPI_Comm communicator, bool own_mpi,
                                     const std::vector<std::string>& facts);

}  // namespace mpx::detail
