#pragma once

#include "endpoint/client.hpp"
#include "runtime/supervisor.hpp"

namespace mpx::detail {

/// Serves a pool in this process: runs `initializer` (an encoded call, may be empty), then tasks,
/// until the pool says that no more will come. Returns the exit status.
int serve_pool(Client& client, const ObjectId& pool, SharedBlock& shared, ByteView initializer);

}  // namespace mpx::detail
