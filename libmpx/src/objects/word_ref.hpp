#pragma once

#include "mpx/detail/word_core.hpp"
#include "transport/words.hpp"

namespace mpx::detail {

/// The word that a public header calls a place.
inline WordRef ref(const WordPlace& place) { return {place.home, place.slot}; }

}  // namespace mpx::detail
