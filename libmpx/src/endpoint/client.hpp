#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "endpoint/calls.hpp"
#include "endpoint/claim_slots.hpp"
#include "endpoint/context.hpp"
#include "endpoint/core_table.hpp"
#include "endpoint/placement.hpp"
#include "endpoint/tasks.hpp"
#include "endpoint/waits.hpp"
#include "endpoint/word_access.hpp"

namespace mpx::detail {

class PoolProcess;  // pool/pool_process.cpp

/// One process's way to all shared objects: the rooms in which that is done, each with a header of its
/// own, over one link. The same for code in a rank, in a child process and outside.
///
/// Thread safety: all members; the rooms say which of theirs are called under mutex().
class Client {
 public:
  explicit Client(Identity self);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// The client of this process (in tests: of this thread). Throws UsageError before mpx::run.
  static std::shared_ptr<Client> current();
  static void set_current(std::shared_ptr<Client> client);
  static bool exists();
  static void set_current_of_thread(std::shared_ptr<Client> client);

  /// Connects. `claims` are the words by which units handed ahead are taken; null: own ones. `permits`:
  /// where a process notes what it holds for the time after its death; null: it is a rank.
  void attach(Link* link, ClaimWord* claims, PermitNotes* permits = nullptr);
  /// From now on calls throw UsageError, and so do waits of other threads: blocks until none is under
  /// way in the link.
  void end_waits();
  [[nodiscard]] bool has_ended();
  /// As end_waits(); messages go nowhere from now on.
  void detach();

  [[nodiscard]] const Identity& self() const { return context_.self(); }
  /// Throws UsageError in a copy of this process that fork() has made.
  [[nodiscard]] ClientMutex& mutex() { return context_.mutex(); }
  /// See Link::direct().
  [[nodiscard]] DirectInbox* direct() const MPX_REQUIRES(client_mutex) {
    return context_.link() != nullptr ? context_.link()->direct() : nullptr;
  }

  [[nodiscard]] Calls& calls() { return calls_; }
  [[nodiscard]] Waits& waits() { return waits_; }
  [[nodiscard]] Tasks& tasks() { return tasks_; }
  [[nodiscard]] CoreTable& cores() { return cores_; }
  [[nodiscard]] ClaimSlots& claims() { return claims_; }
  [[nodiscard]] WordAccess& words() { return words_; }
  [[nodiscard]] Placement& placement() { return placement_; }

  /// A frame for this process has arrived: brings it to its room. Called by the link's driver.
  void deliver(Frame&& frame) MPX_REQUIRES(client_mutex);
  /// Frames for this process itself, not for an object of it, go to `handler` (pool tasks, …), under the
  /// mutex; first those for a pool process that came before there was one.
  void set_handler(std::function<void(Frame&&)> handler);

  /// Whether this process has ever started another; then its end waits for them.
  std::atomic<bool> has_started_children = false;
  /// What serves a pool in this process, if one does: set before the first task.
  std::shared_ptr<PoolProcess> pool_process;

 private:
  Context context_;
  Tasks tasks_{context_};
  Waits waits_{context_, tasks_};
  Calls calls_{context_, waits_, tasks_};
  CoreTable cores_{context_, waits_, calls_};
  ClaimSlots claims_{context_};
  WordAccess words_{context_, waits_, calls_};
  Placement placement_{context_, calls_};
  std::function<void(Frame&&)> handler_ MPX_GUARDED_BY(client_mutex);
  std::vector<Frame> unhandled_ MPX_GUARDED_BY(client_mutex);
};

}  // namespace mpx::detail
