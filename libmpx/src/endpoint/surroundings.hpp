#pragma once

#include "wire/process.hpp"

namespace mpx::detail {

/// The user's code of this process begins, in these surroundings; `given` are those that it was
/// started with. The first call counts.
void note_surroundings(const Surroundings& given);

/// For what this process starts: how its surroundings differ by now from those in which fork servers
/// are. Empty if its code has changed nothing, and nothing was `given`. Throws UsageError where the
/// working directory, changed since, has no name.
[[nodiscard]] Surroundings current_surroundings();

/// Moves this process, newly forked, into surroundings. Throws LaunchError.
void enter_surroundings(const Surroundings& surroundings);

}  // namespace mpx::detail
