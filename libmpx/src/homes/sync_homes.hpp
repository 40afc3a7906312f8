#pragma once

#include <memory>

#include "homes/home.hpp"
#include "transport/words.hpp"

namespace mpx::detail {

/// Makes the home of a lock, value, semaphore, event, barrier or array on `rank`, of the arguments
/// of its `create`, and answers. Null if `kind` is another. Throws UsageError if there is no word or
/// no memory for it.
std::unique_ptr<Home> make_sync_home(ObjectKind kind, const FrameHeader& request, Unpacker& in,
                                     const Payload& arguments, Words& words, Rank rank,
                                     Outbox& out);

}  // namespace mpx::detail
