#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <set>
#include <sstream>

#include "doctor_checks.hpp"

namespace mpx::runner {
namespace {

using How = ProbeEnd::How;

Row ok(std::string check, std::string found) {
  return {Level::ok, std::move(check), std::move(found)};
}

// What depends on a probe that was not run is not known, which is bad, but not the cause.
Row not_known(std::string check, const char* cause) {
  return {Level::bad, std::move(check), "not known", fmt::format("see \"{}\"", cause)};
}

std::string how_it_ended(const ProbeEnd& end, const DoctorFacts& facts) {
  const std::string in = end.step.empty() ? "" : fmt::format(" in {}", end.step);
  const auto failed = end.answers.find("failed");
  if (failed != end.answers.end()) return failed->second;
  if (end.how == How::timed_out) {
    return fmt::format("no answer within {:.6g} s{}",
                       static_cast<double>(facts.limit.count()) / 1e3, in);
  }
  const int signal = end.status > 128 && end.status < 128 + SIGRTMIN ? end.status - 128 : 0;
  const std::string how = signal != 0
                              ? fmt::format("killed by signal {} ({})", signal, ::strsignal(signal))
                              : fmt::format("status {}", end.status);
  return how + in + (end.words.empty() ? "" : ": " + end.words);
}

std::string answer(const ProbeEnd& end, const std::string& key) {
  const auto found = end.answers.find(key);
  return found == end.answers.end() ? "" : found->second;
}

std::size_t node_count(const DoctorFacts& facts) {
  return std::max<std::size_t>(1, facts.hosts.size());
}

std::string nodes_in_words(std::size_t count) {
  return count == 1 ? "this node" : fmt::format("{} nodes", count);
}

// A refusal reads "what is wrong; what to do".
Row refused(std::string check, const std::string& refusal) {
  const auto end = refusal.find("; ");
  return {Level::bad, std::move(check), refusal.substr(0, end),
          end == std::string::npos ? "mend this first" : refusal.substr(end + 2)};
}

Row check_mpirun(const DoctorFacts& facts) {
  if (!facts.mpirun_trouble.empty()) return refused("mpirun", facts.mpirun_trouble);
  if (facts.mpirun.empty()) return ok("mpirun", "not there; srun starts the ranks");
  return ok("mpirun", fmt::format("{}, {}", facts.mpi_version, facts.mpirun));
}

std::string major_minor(const std::string& version) {
  const auto begin = version.find_first_of("0123456789");
  if (begin == std::string::npos) return "";
  return version.substr(
      begin, version.find_first_not_of("0123456789", version.find('.', begin) + 1) - begin);
}

Row check_library(const DoctorFacts& facts) {
  const std::string library = answer(facts.mpi_probe, "library");
  const std::string built = answer(facts.mpi_probe, "built");
  if (library.empty()) return not_known("libmpi", "start");
  const std::string mpirun = fmt::format("{}.{}", facts.version.major, facts.version.minor);
  if (major_minor(library) != major_minor(built)) {
    return {Level::bad, "libmpi", fmt::format("{}, but libmpx was built for {}", library, built),
            "load the MPI that libmpx was built with, or build libmpx anew"};
  }
  if (facts.launcher == "mpirun" && facts.mpirun_trouble.empty() &&
      major_minor(library) != mpirun) {
    return {Level::bad, "libmpi", fmt::format("{}, but mpirun is {}", library, mpirun),
            "put the mpirun of the same Open MPI first on PATH"};
  }
  return ok("libmpi", fmt::format("{}; libmpx was built for {}", library, built));
}

Row check_host_names(const DoctorFacts& facts) {
  std::vector<std::string> troubles;
  if (!facts.unresolved.empty()) {
    troubles.push_back(fmt::format("not known here: {}", fmt::join(facts.unresolved, ", ")));
  }
  for (const NodeFacts& node : facts.nodes) {
    if (!node.unresolved.empty() && node.rank > 0) {
      troubles.push_back(
          fmt::format("not known on {}: {}", node.host, fmt::join(node.unresolved, ", ")));
    }
  }
  if (!troubles.empty()) {
    return {Level::bad, "host names", fmt::format("{}", fmt::join(troubles, "; ")),
            "correct the name, or add it to DNS or /etc/hosts"};
  }
  if (facts.hosts.empty()) return ok("host names", facts.host_name + ", this machine alone");
  std::set<std::string> names;
  for (const NodeFacts& node : facts.nodes) names.insert(node.host);
  if (facts.node_probe.how == How::fine && names.size() < facts.hosts.size()) {
    return {Level::warn, "host names",
            fmt::format("{} hosts are asked for, which call themselves {}", facts.hosts.size(),
                        fmt::join(names, ", ")),
            "give each node a host name of its own, and name each once"};
  }
  return ok("host names", fmt::format("all of {} resolve", facts.hosts.size()));
}

Row check_start(const DoctorFacts& facts) {
  const char* advice =
      "see that ssh NODE true works without a password, and that the same Open MPI "
      "and libmpx are installed there";
  if (!facts.plan_trouble.empty()) return refused("start", facts.plan_trouble);
  if (!facts.probe_trouble.empty()) {
    return {Level::bad, "start", facts.probe_trouble,
            "it is installed with mpx-run; in a build folder, build the target mpx-probe"};
  }
  if (facts.node_probe.how == How::fine) {
    return ok("start", fmt::format("{} starts programs on {}", facts.launcher,
                                   nodes_in_words(node_count(facts))));
  }
  if (facts.node_probe.how == How::not_run) return not_known("start", "mpirun");
  if (facts.lost.empty()) {
    return {Level::bad, "start",
            fmt::format("{}: {}", facts.launcher, how_it_ended(facts.node_probe, facts)),
            facts.hosts.empty() ? "see what it says" : advice};
  }
  std::vector<std::string> lost;
  for (const auto& [host, why] : facts.lost) lost.push_back(fmt::format("{}: {}", host, why));
  return {Level::bad, "start", fmt::format("{}", fmt::join(lost, "; ")), advice};
}

Row check_build(const DoctorFacts& facts) {
  if (facts.node_probe.how != How::fine) return not_known("same build", "start");
  std::map<std::string, std::set<std::string>> builds;
  for (const NodeFacts& node : facts.nodes) builds[node.build].insert(node.host);
  if (builds.size() == 1) {
    return ok("same build", fmt::format("{} on {}", builds.begin()->first.substr(0, 12),
                                        nodes_in_words(node_count(facts))));
  }
  std::vector<std::string> parts;
  for (const auto& [build, hosts] : builds) {
    parts.push_back(fmt::format("{} on {}", build.substr(0, 12), fmt::join(hosts, ", ")));
  }
  return {Level::bad, "same build", fmt::format("{}", fmt::join(parts, "; ")),
          "install the same libmpx on all nodes, best on a file system that they share"};
}

Row check_threads(const DoctorFacts& facts) {
  const std::string level = answer(facts.mpi_probe, "threads");
  if (level.empty()) return not_known("threads", "messages");
  static const std::map<std::string, std::string> names = {{"0", "MPI_THREAD_SINGLE"},
                                                           {"1", "MPI_THREAD_FUNNELED"},
                                                           {"2", "MPI_THREAD_SERIALIZED"},
                                                           {"3", "MPI_THREAD_MULTIPLE"}};
  const auto name = names.find(level);
  if (name == names.end() || level < "2") {
    return {Level::bad, "threads", name == names.end() ? level : name->second,
            "use an MPI that gives MPI_THREAD_SERIALIZED"};
  }
  return ok("threads", name->second);
}

Row check_messages(const DoctorFacts& facts) {
  if (facts.mpi_probe.how == How::not_run) return not_known("messages", "start");
  if (answer(facts.mpi_probe, "messages") == "fine") {
    return ok("messages",
              fmt::format("1 MiB to every rank and back, {} ranks on {}",
                          answer(facts.mpi_probe, "ranks"), nodes_in_words(node_count(facts))));
  }
  return {Level::bad, "messages", how_it_ended(facts.mpi_probe, facts),
          facts.hosts.size() > 1 ? "let TCP through between the nodes; where they have several "
                                   "networks, name one: OMPI_MCA_btl_tcp_if_include=NETWORK"
                                 : "see what MPI says: mpirun -n 2 with any MPI program"};
}

// Words that go as messages do not need it.
Row check_one_sided(const DoctorFacts& facts) {
  if (answer(facts.mpi_probe, "messages") != "fine") return not_known("one-sided", "messages");
  const std::string component = answer(facts.mpi_probe, "component");
  const std::string name = component.empty() ? "MPI's default" : component;
  if (answer(facts.mpi_probe, "one-sided") == "fine") {
    return ok("one-sided",
              fmt::format("component {} works on {}", name, nodes_in_words(node_count(facts))));
  }
  const bool needed = facts.words_probe.how != How::fine;
  return {needed ? Level::bad : Level::warn, "one-sided",
          fmt::format("{}{}", component.empty() ? "" : fmt::format("component {}: ", component),
                      how_it_ended(facts.mpi_probe, facts)),
          "unset OMPI_MCA_osc, or set it to a component that works (with Open MPI 4.1: sm,pt2pt)"};
}

Row check_words(const DoctorFacts& facts) {
  const ProbeEnd& end = facts.words_probe;
  if (end.how == How::not_run) return not_known("libmpx", "start");
  if (end.how == How::fine) {
    const std::string carrier = answer(end, "carrier");
    return ok("libmpx", fmt::format("processes, queues and values on {}{}{}",
                                    nodes_in_words(node_count(facts)),
                                    carrier.empty() ? "" : "; words are carried by ", carrier));
  }
  return {Level::bad, "libmpx", how_it_ended(end, facts),
          facts.messages_carry ? "set MPX_WORDS=messages, with which it works here"
                               : "mend what is bad above; MPX_LOG=debug tells more"};
}

Row check_slurm(const DoctorFacts& facts) {
  if (!facts.srun_mpi_types) return ok("Slurm", "no srun on this machine");
  if (facts.srun_mpi_types->find("pmix") != std::string::npos) {
    return ok("Slurm", std::string("srun --mpi=pmix is there") +
                           (facts.pmix_fence ? "" : "; plain srun: set SLURM_PMIX_FENCE=ring"));
  }
  const Level level = facts.launcher == "srun" ? Level::bad : Level::warn;
  if (!facts.srun_trouble.empty()) {
    return {level, "Slurm", "srun does not work: " + facts.srun_trouble,
            "if there is a Slurm here, set SLURM_CONF to its slurm.conf"};
  }
  return {level, "Slurm", "srun has no plug-in pmix: " + *facts.srun_mpi_types,
          "use --launcher mpirun, or install Slurm's pmix plug-in"};
}

}  // namespace

void read_answers(const std::string& text, ProbeEnd& end) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto space = line.find(' ');
    if (space == std::string::npos) continue;
    const std::string key = line.substr(0, space);
    if (key == "step") {
      end.step = line.substr(space + 1);
    } else {
      end.answers.emplace(key, line.substr(space + 1));  // of several failures the first
    }
  }
}

std::vector<Row> check_job(const DoctorFacts& facts) {
  return {check_mpirun(facts),   check_host_names(facts), check_start(facts),
          check_build(facts),    check_library(facts),    check_threads(facts),
          check_messages(facts), check_one_sided(facts),  check_words(facts),
          check_slurm(facts)};
}

}  // namespace mpx::runner
