// mpx-run: runs a libmpx program on the cores of this machine or of several, through mpirun.

#include <algorithm>
#include <exception>
#include <iostream>

#include "doctor.hpp"
#include "facts.hpp"
#include "launch.hpp"
#include "options.hpp"
#include "plan.hpp"
#include "refusal.hpp"

namespace mpx::runner {
namespace {

std::vector<Host> read_hosts(const Options& options) {
  if (options.ranks || (options.hostfile.empty() && options.hosts.empty())) return {};
  if (options.hostfile.empty()) return parse_host_list(options.hosts);
  if (options.hosts.empty()) return read_hostfile(options.hostfile);
  throw Refusal(bad_usage, "give --host or --hostfile; both go together only with -n");
}

int run(const Options& options) {
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
  const auto hosts = read_hosts(options);
  // Elsewhere the program may lie where this machine cannot see it.
  if (hosts.empty() || is_local(hosts.front().name, facts.host_name)) {
    static_cast<void>(find_program(options.program.front()));
  }
  const Plan plan = make_plan(options, facts, hosts);
  if (options.dry_run) {
    std::cout << to_shell(plan) << '\n';
    return 0;
  }
  if (options.verbose) std::cerr << "mpx-run: " << to_shell(plan) << '\n';
  return launch(plan, {options.timeout, options.verbose});
}

}  // namespace
}  // namespace mpx::runner

int main(int argc, char** argv) try {
  return mpx::runner::run(mpx::runner::parse_options({argv + std::min(argc, 1), argv + argc}));
} catch (const mpx::runner::Refusal& refusal) {
  std::cerr << "mpx-run: " << refusal.what() << '\n';
  return refusal.status();
} catch (const std::exception& error) {
  std::cerr << "mpx-run: " << error.what() << '\n';
  return 1;
}
