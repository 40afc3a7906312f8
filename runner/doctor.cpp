#include "doctor.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "capture.hpp"
#include "completion.hpp"
#include "doctor_checks.hpp"
#include "refusal.hpp"

namespace mpx::runner {
namespace fs = std::filesystem;
namespace {

using namespace std::chrono_literals;
using How = ProbeEnd::How;

constexpr auto kLimit = 30s;  // of a probe, where --timeout gives none
constexpr std::string_view kCarried = "words are carried by ";  // in libmpx's log
constexpr std::size_t kMostLost = 8;                            // hosts that are tried alone

// Beside mpx-run in the build tree; in an installation in a folder for programs like it.
std::optional<std::string> find_probe() {
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& place : {own / "mpx-probe", own / MPX_PROBE_FROM_BIN / "mpx-probe"}) {
    if (::access(place.c_str(), X_OK) == 0) return place.lexically_normal();
  }
  return std::nullopt;
}

// What mpirun says is mostly frames and advice; the first lines with words tell what it was, unless
// libmpx itself says it.
std::string first_words(const std::string& text) {
  if (const auto own = text.find("mpx: "); own != std::string::npos) {
    return text.substr(own, text.find('\n', own) - own);
  }
  std::istringstream lines(text);
  std::string words;
  for (std::string line; std::getline(lines, line) && words.size() < 160;) {
    const auto begin = line.find_first_not_of(" \t-*");
    if (begin == std::string::npos || line.find("has sent help message") != std::string::npos) {
      continue;
    }
    words += (words.empty() ? "" : " ") + line.substr(begin);
  }
  return words.size() > 240 ? words.substr(0, 240) + "…" : words;
}

class Doctor {
 public:
  explicit Doctor(const Options& options) : options_(options) {
    facts_.limit = options.timeout.value_or(kLimit);
  }

  const DoctorFacts& examine() {
    look_here();
    if (facts_.plan_trouble.empty() && facts_.mpirun_trouble.empty()) probe_all();
    if (facts_.nodes.empty()) facts_.nodes = {gather_node_facts({}, "")};
    look_for_slurm();
    return facts_;
  }

 private:
  void look_here();
  void probe_all();
  void probe_words();
  void try_each_alone();
  void look_for_slurm();
  [[nodiscard]] Plan plan(const std::vector<std::string>& arguments, const std::vector<Host>& hosts,
                          const std::vector<std::string>& exports = {}) const;
  [[nodiscard]] ProbeEnd probe(const Plan& plan, std::string* output = nullptr) const;
  [[nodiscard]] std::vector<std::string> node_arguments() const;

  Options options_;
  Facts machine_;
  bool counts_are_cpus_ = false;
  std::string probe_;
  CompletionFile marker_;  // a file in our temporary folder, which other nodes must not see
  DoctorFacts facts_;
};

void Doctor::look_here() {
  facts_.launcher = "mpirun";
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  facts_.host_name = name;
  machine_ = gather_facts();
  facts_.mpirun = machine_.mpirun;
  facts_.mpi_version = machine_.mpi_version;
  facts_.version = machine_.version;
  if (uses_srun(options_, machine_)) {
    facts_.launcher = "srun";
  } else {
    facts_.mpirun_trouble = machine_.mpirun_trouble;
  }
  const Resources resources = find_resources(options_, machine_);
  counts_are_cpus_ = resources.counts_are_cpus;
  facts_.hosts = resources.hosts;
  std::vector<std::string> names;
  for (const Host& host : facts_.hosts) names.push_back(host.name);
  facts_.unresolved = gather_node_facts(names, "").unresolved;
  if (const auto found = find_probe()) {
    probe_ = *found;
  } else {
    facts_.probe_trouble = "mpx-probe is not where mpx-run is";
  }
}

// The job that mpx-run would start with these options, but with mpx-probe as its program.
Plan Doctor::plan(const std::vector<std::string>& arguments, const std::vector<Host>& hosts,
                  const std::vector<std::string>& exports) const {
  Options options = options_;
  options.ranks.reset();
  options.workers.reset();  // they may be fewer than nodes
  options.nodes.reset();
  options.ranks_per_node.reset();
  options.slots_per_rank.reset();
  options.output.clear();
  options.tag_output = false;
  options.exports.insert(options.exports.end(), exports.begin(), exports.end());
  options.program = {probe_};
  options.program.insert(options.program.end(), arguments.begin(), arguments.end());
  std::vector<Host> places = hosts;
  for (Host& place : places) {
    if (!place.slots && !is_local(place.name, machine_.host_name)) place.slots = 1;
  }
  return make_plan(options, machine_, {places, counts_are_cpus_});
}

ProbeEnd Doctor::probe(const Plan& plan, std::string* output) const {
  const Captured captured = capture(plan, facts_.limit);
  ProbeEnd end;
  end.how = captured.fine() ? How::fine : captured.timed_out ? How::timed_out : How::failed;
  end.status = WIFEXITED(captured.wait_status) ? WEXITSTATUS(captured.wait_status)
                                               : signal_base + WTERMSIG(captured.wait_status);
  end.words = first_words(captured.err);
  if (const auto at = captured.err.find(kCarried); at != std::string::npos) {
    const auto begin = at + kCarried.size();
    end.answers["carrier"] = captured.err.substr(begin, captured.err.find('\n', begin) - begin);
  }
  read_answers(captured.out, end);
  if (output != nullptr) *output = captured.out;
  return end;
}

std::vector<std::string> Doctor::node_arguments() const {
  std::vector<std::string> arguments = {"node", marker_.path()};
  for (const Host& host : facts_.hosts) arguments.push_back(host.name);
  return arguments;
}

void Doctor::probe_all() {
  if (!facts_.probe_trouble.empty()) return;
  std::string output;
  try {
    facts_.node_probe = probe(plan(node_arguments(), facts_.hosts), &output);
  } catch (const Refusal& refusal) {
    if (refusal.status() > signal_base) throw;
    facts_.plan_trouble = refusal.what();
    return;
  }
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    if (auto node = parse_node_line(line)) facts_.nodes.push_back(std::move(*node));
  }
  if (facts_.node_probe.how != How::fine) {
    try_each_alone();
    return;
  }
  facts_.mpi_probe = probe(plan({"mpi"}, facts_.hosts));
  probe_words();
}

void Doctor::probe_words() {
  const auto workers = std::max<std::size_t>(1, facts_.hosts.size());
  const std::vector<std::string> words = {"words", std::to_string(workers)};
  facts_.words_probe = probe(plan(words, facts_.hosts, {"MPX_LOG=info"}));
  if (facts_.words_probe.how == How::fine || machine_.environment("MPX_WORDS")) return;
  facts_.messages_carry = probe(plan(words, facts_.hosts, {"MPX_WORDS=messages"})).how == How::fine;
}

// One bad host spoils the whole job: which is it?
void Doctor::try_each_alone() {
  if (facts_.hosts.size() < 2) return;
  for (const Host& host : facts_.hosts) {
    const ProbeEnd end = probe(plan({"node", ""}, {host}));
    if (end.how == How::fine) continue;
    facts_.lost.emplace(host.name, end.how == How::timed_out ? "no answer" : end.words);
    if (facts_.lost.size() == kMostLost) return;
  }
}

void Doctor::look_for_slurm() {
  Plan srun;
  srun.command = {"srun", "--mpi=list"};
  const Captured captured = capture(srun, 10s);
  if (WIFEXITED(captured.wait_status) && WEXITSTATUS(captured.wait_status) == not_executable)
    return;
  facts_.pmix_fence = machine_.environment("SLURM_PMIX_FENCE").has_value();
  facts_.srun_mpi_types = captured.out + captured.err;  // some versions use one, some the other
  if (captured.timed_out)
    facts_.srun_trouble = "no answer";
  else if (!captured.fine())
    facts_.srun_trouble = first_words(captured.err);
}

}  // namespace

int run_doctor(const Options& options) {
  Doctor doctor(options);
  const DoctorFacts& facts = doctor.examine();
  std::vector<Row> rows = check_job(facts);
  for (Row& row : check_nodes(facts)) rows.push_back(std::move(row));
  std::cout << to_table(rows);
  const bool bad =
      std::any_of(rows.begin(), rows.end(), [](const Row& row) { return row.level == Level::bad; });
  return bad ? 1 : 0;
}

}  // namespace mpx::runner
