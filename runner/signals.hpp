#pragma once

#include <csignal>
#include <initializer_list>

namespace mpx::runner {

/// Gives this process the signals that it relies on, whatever it was started with: none blocked, and
/// every disposition the default, SIGCHLD's above all (where it is ignored, no child can be waited
/// for). Those that would end it, HUP, INT, QUIT and TERM, stay ignored if they were: nohup, and a
/// shell's background job, mean that. To be called first thing in main.
void reset_signals();

/// /dev/null in place of those of the descriptors 0, 1 and 2 that are closed, or the next file that
/// is opened, a pipe of ours say, would be taken for one of them.
void fill_standard_descriptors();

[[nodiscard]] bool is_ignored(int signal);

/// The set of those that are not ignored. A blocked signal is kept even where it is ignored, so who
/// takes signals from a descriptor leaves these out.
[[nodiscard]] sigset_t heeded(std::initializer_list<int> signals);

}  // namespace mpx::runner
