#pragma once

#include <memory>

#include "endpoint/client.hpp"
#include "wire/pool.hpp"
#include "wire/shared_block.hpp"

namespace mpx::detail {

/// Serves a pool in this process: runs `initializer` (an encoded call, may be empty), then tasks,
/// until the pool says that no more will come. Returns the exit status.
int serve_pool(Client& client, const ObjectId& pool, SharedBlock& shared, ByteView initializer);

/// How deep a task is that this thread's process submits now: 0 outside of tasks, else one more
/// than the task that it is in.
[[nodiscard]] std::uint64_t task_depth();

/// While one exists, the process waits for other tasks; its own task, if it is in one, lends its
/// slot. Without effect outside of tasks.
class LentSlot {
 public:
  LentSlot();
  LentSlot(const LentSlot&) = delete;
  LentSlot& operator=(const LentSlot&) = delete;
  ~LentSlot();

 private:
  std::shared_ptr<PoolProcess> lent_by_;  // null: none is lent
};

}  // namespace mpx::detail
