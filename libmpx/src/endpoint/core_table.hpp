#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "endpoint/calls.hpp"
#include "endpoint/context.hpp"
#include "endpoint/waits.hpp"
#include "mpx/detail/core.hpp"

namespace mpx::detail {

/// The cores of the objects that a process has handles of: at most one of each object, which stands for
/// the process's one reference to it.
///
/// Thread safety: from any thread; what is called under the client's mutex says so.
/// Cost:          a core that is admitted, dropped or retired is one message.
class CoreTable {
 public:
  CoreTable(Context& context, Waits& waits, Calls& calls)
      : context_(context), waits_(waits), calls_(calls) {}
  CoreTable(const CoreTable&) = delete;
  CoreTable& operator=(const CoreTable&) = delete;

  /// The core of an object that this process has; null if it has none.
  std::shared_ptr<Core> find(const ObjectId& id) MPX_EXCLUDES(client_mutex);
  /// Registers the core of an object that this process has made.
  void remember(Core& core) MPX_EXCLUDES(client_mutex);
  /// Registers the core of an object that this process was given, `counter` having counted the
  /// reference, and names it; false if there is one already. Throws UsageError if no call is served.
  bool admit(const std::shared_ptr<Core>& core, const ObjectId& id, ProcessId counter,
             const std::shared_ptr<Client>& client) MPX_EXCLUDES(client_mutex);
  /// Gives up this process's reference to the object. Blocks while what the object has still to do
  /// lasts; throws nothing.
  void retire(Core& core) MPX_EXCLUDES(client_mutex);

  /// Gives back references of a value that arrived and will not be decoded. Nothing in a copy of this
  /// process by fork().
  void drop(const std::vector<Reference>& handles) MPX_EXCLUDES(client_mutex);
  void drop_locked(const std::vector<Reference>& handles) MPX_REQUIRES(client_mutex);

  /// What an object whose handles are gone has still to do.
  struct Linger {
    Kind call;                         ///< to its home; when that is answered,
    std::function<void()> finish;      ///< this is done, and the reference given up
    std::function<bool(Frame&)> take;  ///< frames for the object that come before; whether it did
  };
  /// Called from Core::before_drop(), or before the process ends; under the mutex.
  void linger(const ObjectId& id, Linger rest) MPX_REQUIRES(client_mutex);
  /// Before the process ends: blocks until nothing lingers, as what was delivered to this process
  /// and not consumed would be lost.
  void settle() MPX_EXCLUDES(client_mutex);

  /// A frame for an object; false: none here, and the frame is left alone.
  bool deliver(Frame& frame) MPX_REQUIRES(client_mutex);

 private:
  struct Known {
    Core* core;
    std::weak_ptr<Core> alive;
  };

  Context& context_;
  Waits& waits_;
  Calls& calls_;
  std::unordered_map<ObjectId, Known> cores_ MPX_GUARDED_BY(client_mutex);
  std::unordered_map<ObjectId, Linger> lingering_ MPX_GUARDED_BY(client_mutex);
};

}  // namespace mpx::detail
