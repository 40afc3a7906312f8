#pragma once

#include "mpx/detail/ids.hpp"
#include "wire/words.hpp"

namespace mpx::detail {

/// The word that a public header calls a place.
inline WordRef ref(const WordPlace& place) { return {place.home, place.slot}; }

}  // namespace mpx::detail
