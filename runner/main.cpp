// mpx-run: runs a libmpx program on the cores of this machine or of several, through mpirun.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "doctor.hpp"
#include "facts.hpp"
#include "launch.hpp"
#include "options.hpp"
#include "plan.hpp"
#include "rank_output.hpp"
#include "refusal.hpp"
#include "signals.hpp"

namespace mpx::runner {
namespace {

// Each rank's own shell makes the folder on its node; here a mistake shows before the job starts.
void make_output_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error || ::access(folder.c_str(), W_OK) != 0) {
    throw Refusal(bad_usage, fmt::format("--output {}: {}; name a folder that you may write",
                                         folder, error ? error.message() : std::strerror(errno)));
  }
}

int run(Options options) {
  if (options.action == Options::Action::help) {
    std::cout << help_text();
    return 0;
  }
  if (options.action == Options::Action::version) {
    std::cout << "mpx-run " << version_text() << '\n';
    return 0;
  }
  if (options.action == Options::Action::doctor) return run_doctor(options);
  const Facts facts = gather_facts();
  const Resources resources = find_resources(options, facts);
  const auto& hosts = resources.hosts;
  // Elsewhere the program may lie where this machine cannot see it.
  if (hosts.empty() || is_local(hosts.front().name, facts.host_name)) {
    static_cast<void>(find_program(options.program.front()));
  }
  if (!options.output.empty()) options.output = std::filesystem::absolute(options.output);
  const Plan plan = make_plan(options, facts, resources);
  if (options.dry_run) {
    std::cout << to_shell(plan) << '\n';
    return 0;
  }
  if (options.verbose) std::cerr << "mpx-run: " << to_shell(plan) << '\n';
  if (!options.output.empty()) make_output_folder(options.output);
  return launch(plan, {options.timeout, options.grace, options.verbose});
}

int run_and_check_output(const std::vector<std::string>& arguments) {
  const int status = run(parse_options(arguments));
  errno = 0;
  if (std::cout.flush()) return status;
  throw Refusal(status == 0 ? 1 : status,
                fmt::format("cannot write to standard output: {}", std::strerror(errno)));
}

}  // namespace
}  // namespace mpx::runner

int main(int argc, char** argv) try {
  using namespace mpx::runner;
  const std::vector<char*> arguments(argv + std::min(argc, 1), argv + argc);
  if (!arguments.empty() && arguments.front() == std::string_view(kAsRank)) {
    return become_rank({arguments.begin() + 1, arguments.end()});
  }
  fill_standard_descriptors();
  reset_signals();
  return run_and_check_output({arguments.begin(), arguments.end()});
} catch (const mpx::runner::Refusal& refusal) {
  std::cerr << "mpx-run: " << refusal.what() << '\n';
  return refusal.status();
} catch (const std::exception& error) {
  std::cerr << "mpx-run: " << error.what() << '\n';
  return 1;
}
