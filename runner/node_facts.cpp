#include "node_facts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netdb.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "facts.hpp"

namespace mpx::runner {
namespace fs = std::filesystem;
namespace {

constexpr const char* kMark = "mpx-probe-node";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::uint64_t soft_limit(decltype(RLIMIT_NOFILE) resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return NodeFacts::kUnlimited;
  }
  return limit.rlim_cur;
}

bool resolves(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const bool known = ::getaddrinfo(host.c_str(), nullptr, &hints, &found) == 0;
  if (found != nullptr) ::freeaddrinfo(found);
  return known;
}

// Tries it, since permissions and mount options do not tell.
std::string trouble_writing(const std::string& folder) {
  std::string name = folder + "/mpx-probe.XXXXXX";
  const int fd = ::mkstemp(name.data());
  if (fd < 0) return std::strerror(errno);
  const bool written = ::write(fd, name.data(), name.size()) == static_cast<ssize_t>(name.size());
  const std::string trouble = written ? "" : std::strerror(errno);
  ::close(fd);
  ::unlink(name.c_str());
  return trouble;
}

std::string network_file_system(const std::string& folder) {
  static const std::map<std::uint32_t, const char*> kinds = {
      {0x6969, "NFS"},        {0x0BD00BD0, "Lustre"}, {0x47504653, "GPFS"},  {0xFF534D42, "CIFS"},
      {0xFE534D42, "SMB"},    {0x517B, "SMB"},        {0x5346414F, "AFS"},   {0x00C36400, "Ceph"},
      {0x19830326, "BeeGFS"}, {0xAAD7AAEA, "PanFS"},  {0x7461636F, "OCFS2"}, {0x01161970, "GFS2"}};
  struct statfs status {};
  if (::statfs(folder.c_str(), &status) != 0) return "";
  const auto kind = kinds.find(static_cast<std::uint32_t>(status.f_type));
  return kind == kinds.end() ? "" : kind->second;
}

// Tabs and line ends separate fields and lines.
std::string clean(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' '; }, ' ');
  return text;
}

int number(const std::string& text) {
  return static_cast<int>(std::strtol(text.c_str(), nullptr, 10));
}

}  // namespace

int slots_of_rank(const std::string& list, int rank) {
  std::istringstream items(list);
  std::string item;
  for (int at = 1; std::getline(items, item, ','); ++at) {
    if (at == rank) return std::max(0, number(item));
  }
  return 0;
}

NodeFacts gather_node_facts(const std::vector<std::string>& hosts, const std::string& marker) {
  NodeFacts facts;
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  facts.host = name;
  for (const char* variable : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"}) {
    if (const std::string rank = environment(variable); !rank.empty()) {
      facts.rank = number(rank);
      break;
    }
  }
  facts.cores = usable_cores();
  facts.slots = slots_of_rank(environment("MPX_SLOTS"), facts.rank);
  facts.open_files = soft_limit(RLIMIT_NOFILE);
  facts.processes = soft_limit(RLIMIT_NPROC);
  facts.locked_memory = soft_limit(RLIMIT_MEMLOCK);
  facts.core_size = soft_limit(RLIMIT_CORE);
  std::ifstream pattern("/proc/sys/kernel/core_pattern");
  std::getline(pattern, facts.core_pattern);
  facts.infiniband = has_infiniband();
  struct statvfs shm {};
  if (::statvfs("/dev/shm", &shm) == 0) facts.shm_free = std::uint64_t{shm.f_bavail} * shm.f_frsize;
  facts.shm_trouble = trouble_writing("/dev/shm");
  const std::string chosen = environment("TMPDIR");
  facts.tmp = chosen.empty() ? "/tmp" : chosen;
  facts.tmp_trouble = trouble_writing(facts.tmp);
  facts.tmp_network = network_file_system(facts.tmp);
  std::error_code ignored;
  facts.sees_marker = !marker.empty() && fs::exists(marker, ignored);
  std::copy_if(hosts.begin(), hosts.end(), std::back_inserter(facts.unresolved),
               [](const std::string& host) { return !resolves(host); });
  return facts;
}

std::string to_line(const NodeFacts& facts) {
  std::string line = kMark;
  const auto add = [&](const char* name, const auto& value) {
    line += fmt::format("\t{}={}", name, clean(fmt::format("{}", value)));
  };
  add("host", facts.host);
  add("rank", facts.rank);
  add("cores", facts.cores);
  add("slots", facts.slots);
  add("build", facts.build);
  add("open_files", facts.open_files);
  add("processes", facts.processes);
  add("locked_memory", facts.locked_memory);
  add("core_size", facts.core_size);
  add("core_pattern", facts.core_pattern);
  add("infiniband", facts.infiniband ? 1 : 0);
  add("shm_free", facts.shm_free);
  add("shm_trouble", facts.shm_trouble);
  add("tmp", facts.tmp);
  add("tmp_trouble", facts.tmp_trouble);
  add("tmp_network", facts.tmp_network);
  add("sees_marker", facts.sees_marker ? 1 : 0);
  add("unresolved", fmt::format("{}", fmt::join(facts.unresolved, " ")));
  return line + "\tend=1\n";  // or it has been cut short
}

std::optional<NodeFacts> parse_node_line(const std::string& line) {
  std::istringstream fields(line);
  std::string field;
  if (!std::getline(fields, field, '\t') || field != kMark) return std::nullopt;
  std::map<std::string, std::string> values;
  while (std::getline(fields, field, '\t')) {
    const auto equals = field.find('=');
    if (equals == std::string::npos) return std::nullopt;
    values[field.substr(0, equals)] = field.substr(equals + 1);
  }
  if (!values.contains("end")) return std::nullopt;
  const auto large = [&](const char* name) {
    return std::uint64_t{std::strtoull(values[name].c_str(), nullptr, 10)};
  };
  NodeFacts facts;
  facts.host = values["host"];
  facts.rank = number(values["rank"]);
  facts.cores = number(values["cores"]);
  facts.slots = number(values["slots"]);
  facts.build = values["build"];
  facts.open_files = large("open_files");
  facts.processes = large("processes");
  facts.locked_memory = large("locked_memory");
  facts.core_size = large("core_size");
  facts.core_pattern = values["core_pattern"];
  facts.infiniband = values["infiniband"] == "1";
  facts.shm_free = large("shm_free");
  facts.shm_trouble = values["shm_trouble"];
  facts.tmp = values["tmp"];
  facts.tmp_trouble = values["tmp_trouble"];
  facts.tmp_network = values["tmp_network"];
  facts.sees_marker = values["sees_marker"] == "1";
  std::istringstream names(values["unresolved"]);
  for (std::string name; names >> name;) facts.unresolved.push_back(name);
  return facts;
}

}  // namespace mpx::runner
