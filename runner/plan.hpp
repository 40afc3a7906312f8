#pragma once

#include <string>
#include <utility>
#include <vector>

#include "facts.hpp"
#include "hosts.hpp"
#include "options.hpp"

namespace mpx::runner {

/// The one command that mpx-run runs.
struct Plan {
  std::vector<std::string> command;
  std::vector<std::pair<std::string, std::string>> environment;  ///< set on top of what is there
};

/// Works out the command from what the user asked for and what the machine is; runs nothing.
/// `hosts` are those of --host or --hostfile, none for this machine alone. Throws Refusal.
[[nodiscard]] Plan make_plan(const Options& options, const Facts& facts,
                             const std::vector<Host>& hosts);

/// True if `host` is the machine that mpx-run runs on.
[[nodiscard]] bool is_local(const std::string& host, const std::string& host_name);

/// The plan as a line for the shell, to copy and paste.
[[nodiscard]] std::string to_shell(const Plan& plan);

}  // namespace mpx::runner
