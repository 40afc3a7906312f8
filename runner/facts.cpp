#include "facts.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "refusal.hpp"
#include "relay.hpp"
#include "signals.hpp"

namespace mpx::runner {
namespace fs = std::filesystem;
namespace {

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::optional<std::string> get_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

std::optional<std::string> search_path(const std::string& name) {
  std::istringstream folders(get_environment("PATH").value_or("/usr/bin:/bin"));
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string path = (folder.empty() ? "." : folder) + "/" + name;
    if (::access(path.c_str(), X_OK) == 0 && fs::is_regular_file(path)) return path;
  }
  return std::nullopt;
}

// The least quota of the control groups that this process is in, both hierarchies.
std::optional<int> cgroup_cores() {
  std::optional<int> least;
  const auto note = [&](std::optional<int> cores) {
    if (cores) least = std::min(*cores, least.value_or(*cores));
  };
  std::istringstream groups(read_text("/proc/self/cgroup"));
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool unified = controllers == ",,";
    if (!unified && controllers.find(",cpu,") == std::string::npos) continue;
    const fs::path root = unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
    // Inside a container the path may be the host's: then only the root is there to read.
    for (fs::path group = line.substr(second + 1);; group = group.parent_path()) {
      const fs::path folder = root / group.relative_path();
      if (unified) {
        std::istringstream words(read_text(folder / "cpu.max"));
        std::string quota;
        std::string period;
        if (words >> quota >> period) note(parse_quota(quota, period));
      } else {
        note(parse_quota(read_text(folder / "cpu.cfs_quota_us"),
                         read_text(folder / "cpu.cfs_period_us")));
      }
      if (group == group.parent_path()) break;
    }
  }
  return least;
}

}  // namespace

int usable_cores() {
  int cores = static_cast<int>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  const int most = std::max(cores, 4096);
  if (cpu_set_t* set = CPU_ALLOC(most)) {
    const std::size_t size = CPU_ALLOC_SIZE(most);
    if (::sched_getaffinity(0, size, set) == 0) cores = CPU_COUNT_S(size, set);
    CPU_FREE(set);
  }
  return std::max(1, std::min(cores, cgroup_cores().value_or(cores)));
}

namespace {

std::string output_of(const std::string& command) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "re"),
                                                             ::pclose);
  std::string text;
  char buffer[512];
  while (pipe && std::fgets(buffer, sizeof buffer, pipe.get())) text += buffer;
  return text;
}

void find_mpirun(Facts& facts) {
  const auto mpirun = search_path("mpirun");
  if (!mpirun) {
    facts.mpirun_trouble =
        "mpirun is not on PATH; install Open MPI (Debian: apt-get install openmpi-bin)";
    return;
  }
  const std::string said = output_of("exec mpirun --version 2>&1");
  const auto version = parse_version(said);
  facts.mpi_version = said.substr(0, said.find('\n'));
  if (!version || version->major < 4) {
    facts.mpirun_trouble = fmt::format(
        "{} is not Open MPI 4 or newer (it says \"{}\"); put the mpirun of Open MPI "
        "first on PATH",
        *mpirun, facts.mpi_version);
    return;
  }
  facts.mpirun = *mpirun;
  facts.version = *version;
}

}  // namespace

bool has_infiniband() {
  std::error_code none;
  return fs::directory_iterator("/sys/class/infiniband", none) != fs::directory_iterator();
}

Facts gather_facts() {
  Facts facts;
  std::error_code error;
  facts.self = fs::read_symlink("/proc/self/exe", error);
  facts.hangup_is_ignored = is_ignored(SIGHUP);
  find_mpirun(facts);
  facts.srun = search_path("srun").value_or("");
  facts.cores = usable_cores();
  facts.root = ::geteuid() == 0;
  facts.infiniband = has_infiniband();
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  facts.host_name = name;
  if (const auto home = get_environment("HOME")) {
    facts.user_parameters = parse_parameters(read_text(*home + "/.openmpi/mca-params.conf"));
    if (facts.version.major >= 5) {
      facts.user_parameters.merge(parse_parameters(read_text(*home + "/.prte/mca-params.conf")));
    }
  }
  facts.environment = get_environment;
  facts.allocation = find_allocation(get_environment, [](const std::string& path) {
    const bool there = ::access(path.c_str(), R_OK) == 0;
    return there ? std::optional(read_text(path)) : std::nullopt;
  });
  return facts;
}

namespace {

// Why the system does not run it (errno); 0 if it does, or where it does not let us find out. A traced
// process stops before the first instruction of its new program.
int try_to_run(const std::string& path) {
  Pipe answer;
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return 0;
  if (child == 0) {
    int error = 0;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() == parent && ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0) {
      char* arguments[] = {const_cast<char*>(path.c_str()), nullptr};
      ::execv(path.c_str(), arguments);
      error = errno;
    }
    static_cast<void>(!::write(answer.writer.get(), &error, sizeof error));
    ::_exit(0);
  }
  answer.writer.close();
  int status = 0;
  while (::waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
    if (WSTOPSIG(status) == SIGTRAP) {
      ::kill(child, SIGKILL);
    } else {
      ::ptrace(PTRACE_CONT, child, nullptr, WSTOPSIG(status));
    }
  }
  int error = 0;
  const bool failed = ::read(answer.reader.get(), &error, sizeof error) == sizeof error;
  return failed ? error : 0;
}

std::string interpreter_of(const std::string& path) {
  std::string line;
  std::ifstream file(path);
  if (!std::getline(file, line) || !line.starts_with("#!")) return {};
  std::istringstream words(line.substr(2));
  std::string interpreter;
  words >> interpreter;
  return interpreter;
}

void check_it_runs(const std::string& path) {
  const int error = try_to_run(path);
  if (error == 0) return;
  std::string why = std::strerror(error);
  if (error == ENOEXEC) {
    utsname machine{};
    ::uname(&machine);
    why += fmt::format(
        "; a script needs a first line such as #!/bin/sh, a program must have been "
        "built for {}",
        machine.machine);
  } else if (const auto interpreter = interpreter_of(path); !interpreter.empty()) {
    why += fmt::format("; look at its first line: can {} be run?", interpreter);
  } else if (error == ENOENT) {
    why += "; the loader that it was linked for is not on this machine";
  }
  throw Refusal(not_executable, fmt::format("{} cannot be run: {}", path, why));
}

std::string find_file(const std::string& name) {
  if (name.find('/') == std::string::npos) {
    if (const auto path = search_path(name)) return *path;
    const bool here = ::access(name.c_str(), X_OK) == 0 && fs::is_regular_file(name);
    throw Refusal(
        not_found,
        here
            ? fmt::format("{0} is not on PATH; to run the one in this folder write ./{0}", name)
            : fmt::format("there is no program {} on PATH; give its path, as in ./{}", name, name));
  }
  struct stat status {};
  if (::stat(name.c_str(), &status) != 0) {
    throw Refusal(not_found, fmt::format("there is no program {}; check the path", name));
  }
  if (S_ISDIR(status.st_mode)) {
    throw Refusal(not_executable, fmt::format("{} is a folder; name the program in it", name));
  }
  if (::access(name.c_str(), X_OK) != 0 || !S_ISREG(status.st_mode)) {
    throw Refusal(
        not_executable,
        fmt::format("{} may not be executed; if it is a program: chmod +x {}", name, name));
  }
  return name;
}

}  // namespace

std::string find_program(const std::string& name) {
  auto path = find_file(name);
  check_it_runs(path);
  return path;
}

std::optional<Version> parse_version(const std::string& text) {
  const std::string mark = "(Open MPI) ";
  const auto at = text.find(mark);
  Version version;
  if (at == std::string::npos ||
      std::sscanf(text.c_str() + at + mark.size(), "%d.%d", &version.major, &version.minor) != 2) {
    return std::nullopt;
  }
  return version;
}

std::optional<int> parse_quota(const std::string& quota, const std::string& period) {
  const double microseconds = std::atof(quota.c_str());  // "max" and "" are 0
  const double each = std::atof(period.c_str());
  if (!(microseconds > 0) || !(each > 0)) return std::nullopt;
  return static_cast<int>(std::clamp(microseconds / each, 1.0, 1e6));
}

std::set<std::string> parse_parameters(const std::string& text) {
  std::set<std::string> names;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto equals = line.find('=');
    std::istringstream words(line.substr(0, std::min(equals, line.find('#'))));
    std::string name;
    if (equals != std::string::npos && words >> name) names.insert(name);
  }
  return names;
}

}  // namespace mpx::runner
