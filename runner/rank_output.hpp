#pragma once

#include <string>
#include <vector>

namespace mpx::runner {

/// The argument by which mpx-run starts itself on each node in place of the program, where it has
/// something to do with what the ranks print.
inline constexpr const char* kAsRank = "--as-rank";

/// The command that does so: becomes `program`, whose output goes into frames (`folder` is empty) or
/// into a file of the rank's in `folder`.
[[nodiscard]] std::vector<std::string> as_rank(const std::string& self, const std::string& folder,
                                               const std::vector<std::string>& program);

/// In the launcher's environment: a named pipe of mpx-run's, which relays on its machine use. What
/// goes through the launcher instead is lost when that ends a job.
inline constexpr const char* kRelayVariable = "MPX_RELAY";

/// What mpx-run does with these arguments (behind kAsRank): leaves behind a process, the relay, that
/// takes what this one prints, and becomes the program. So no process stands between a rank and
/// its launcher. Returns, with an exit status, only if it cannot.
[[nodiscard]] int become_rank(const std::vector<char*>& arguments);

/// The name of relays, as the system shows it.
inline constexpr const char* kRelayName = "mpx-run-relay";

}  // namespace mpx::runner
