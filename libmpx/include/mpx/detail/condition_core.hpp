#pragma once

#include <cstdint>
#include <memory>

#include "mpx/detail/sync_core.hpp"

namespace mpx::detail {

/// A condition as a handle holds it: its lock, at whose home it is known by a name, and that name.
/// It has no home of its own: who waits at it waits at the lock's.
class ConditionCore {
 public:
  ConditionCore(std::shared_ptr<SyncCore> lock, bool recursive)
      : lock_(std::move(lock)), recursive_(recursive) {}

  static std::shared_ptr<ConditionCore> load(Reader& reader);
  void save(Writer& writer);

  bool lock(Deadline deadline);
  void unlock();
  /// False: not notified by the deadline.
  bool wait(Deadline deadline) { return lock_->wait_at(name(), recursive_, deadline); }
  void notify(std::uint64_t n) { lock_->notify_at(name(), recursive_, n); }

 private:
  const ObjectId& name();

  std::shared_ptr<SyncCore> lock_;
  bool recursive_;
  Once once_;  // for name_
  ObjectId name_;
};

}  // namespace mpx::detail
