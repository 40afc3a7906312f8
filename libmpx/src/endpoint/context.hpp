#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>

#include "core/client_mutex.hpp"
#include "core/forks.hpp"
#include "endpoint/link.hpp"
#include "mpx/detail/ids.hpp"
#include "wire/kinds.hpp"
#include "wire/process.hpp"

namespace mpx::detail {

/// Who this process is.
struct Identity {
  ProcessId id;
  std::string name;
  std::string host;
  pid_t pid = 0;
  bool daemon = false;
  std::size_t cpu_count = 1;
  std::optional<ProcessId> parent;
  ProcessFacts parent_facts;

  /// For others.
  [[nodiscard]] ProcessFacts facts() const { return {name, host, id.rank().number(), pid, 0, 0}; }
};

/// What the rooms of a Client share: who this process is, its one mutex, and its link.
///
/// Thread safety: self() and mutex() from any thread; all else under the mutex. Nothing here waits, but
///                for room in the link.
class Context {
 public:
  explicit Context(Identity self) : self_(std::move(self)) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  [[nodiscard]] const Identity& self() const { return self_; }
  /// Throws UsageError in a copy of this process that fork() has made.
  [[nodiscard]] ClientMutex& mutex() {
    require_no_copy();
    return mutex_;
  }

  /// Null: not connected.
  [[nodiscard]] Link* link() const MPX_REQUIRES(client_mutex) { return link_; }
  void set_link(Link* link) MPX_REQUIRES(client_mutex) { link_ = link; }
  /// Throws UsageError unless calls are served.
  Link& require_link() const MPX_REQUIRES(client_mutex) {
    if (!serves()) [[unlikely]]
      refuse();
    return *link_;
  }
  /// From now on no call is served any more.
  void end() MPX_REQUIRES(client_mutex) { ended_ = true; }
  [[nodiscard]] bool ended() const MPX_REQUIRES(client_mutex) { return ended_; }
  /// Whether it is connected, and calls are served.
  [[nodiscard]] bool serves() const MPX_REQUIRES(client_mutex) {
    return link_ != nullptr && !ended_;
  }

  /// Whether a thread drives the link.
  [[nodiscard]] bool driven() const MPX_REQUIRES(client_mutex) { return driven_; }
  void set_driven(bool driven) MPX_REQUIRES(client_mutex) { driven_ = driven; }

  /// Puts a frame of this process on its way: it leaves at the next flush of the link. References in flight
  /// that the payload names are counted already, or travel on.
  void send(FrameHeader header, Payload payload) MPX_REQUIRES(client_mutex);
  /// The same for a frame that counts a reference in flight.
  void send_count(Kind kind, const Reference& reference) MPX_REQUIRES(client_mutex);

 private:
  [[noreturn]] static void refuse();

  const Identity self_;
  ClientMutex mutex_;
  Link* link_ MPX_GUARDED_BY(client_mutex) = nullptr;
  bool ended_ MPX_GUARDED_BY(client_mutex) = false;
  bool driven_ MPX_GUARDED_BY(client_mutex) = false;
};

}  // namespace mpx::detail
