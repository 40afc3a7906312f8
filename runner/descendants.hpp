#pragma once

#include <sys/types.h>

#include <vector>

namespace mpx::runner {

/// The processes that come from what this process starts from here on, not the children that it has
/// already: those of a script that became this program by exec.
class Descendants {
 public:
  /// Makes this process a subreaper: what its children leave behind becomes its child.
  Descendants();

  /// Kills them all and reaps them. Blocks until none is left, or for at most half a second (a
  /// process in uninterruptible sleep stays). Relays may be spared: they end by themselves when they
  /// have handed on what the others have printed.
  void end(bool relays_too = true) const;

 private:
  std::vector<pid_t> earlier_;
};

}  // namespace mpx::runner
