#include "hosts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <numeric>
#include <regex>
#include <sstream>

#include "refusal.hpp"

namespace mpx::runner {
namespace {

constexpr int kMostSlots = 1'000'000;

int parse_slots(const std::string& text, const std::string& where) {
  const bool digits =
      !text.empty() && text.size() < 8 &&
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  const int slots = digits ? std::stoi(text) : 0;
  if (slots < 1 || slots > kMostSlots) {
    throw Refusal(bad_usage, fmt::format("{}: \"{}\" is no number of slots", where, text));
  }
  return slots;
}

/// A name or an address: what else may stand there is no host to mpirun, which prints a page of text.
bool is_host(const std::string& name) {
  static const std::regex host(
      R"([A-Za-z0-9_.][A-Za-z0-9_.-]*|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)");
  return std::regex_match(name, host);
}

Host& find_or_add(std::vector<Host>& hosts, const std::string& name) {
  const auto found =
      std::find_if(hosts.begin(), hosts.end(), [&](const Host& host) { return host.name == name; });
  return found != hosts.end() ? *found : hosts.emplace_back(Host{name, {}});
}

}  // namespace

void add_slots(std::vector<Host>& hosts, const std::string& name, int slots) {
  Host& host = find_or_add(hosts, name);
  host.slots = host.slots.value_or(0) + slots;
}

std::vector<Host> parse_host_list(const std::string& list) {
  std::vector<Host> hosts;
  std::istringstream items(list + ",");  // getline sees no empty item at the end
  for (std::string item; std::getline(items, item, ',');) {
    const auto colon = item.find(':');
    const std::string name = item.substr(0, colon);
    if (name.empty()) {
      throw Refusal(bad_usage, fmt::format("--host '{}': a name is missing; write a:4,b:4", list));
    }
    if (!is_host(name)) {
      throw Refusal(bad_usage, fmt::format("--host '{}': \"{}\" is no host", list, name));
    }
    const int slots =
        colon == std::string::npos ? 1 : parse_slots(item.substr(colon + 1), "--host " + item);
    add_slots(hosts, name, slots);
  }
  return hosts;
}

std::vector<Host> parse_hostfile(const std::string& text, const std::string& path) {
  static const std::regex equals(R"(\s*=\s*)");
  static const std::regex slots("(slots|cpu|count)=(.*)");  // one for Open MPI
  static const std::regex at_most("(max[-_]slots|(cpu|count)[-_]max)=.*");
  std::vector<Host> hosts;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(std::regex_replace(line.substr(0, line.find('#')), equals, "="));
    std::string name;
    if (!(words >> name)) continue;
    const std::string where = fmt::format("{}:{}, host {}", path, number, name);
    if (name.find('@') != std::string::npos) {
      throw Refusal(bad_usage, where +
                                   ": mpx-run gives mpirun no user names; name the user in "
                                   "~/.ssh/config");
    }
    if (name.find('=') != std::string::npos) {
      throw Refusal(bad_usage, fmt::format("{}:{}: \"{}\" stands where a host's name should; write "
                                           "node1 slots=4",
                                           path, number, name));
    }
    if (!is_host(name)) {
      const auto colon = name.find(':');
      throw Refusal(
          bad_usage,
          fmt::format("{}:{}: \"{}\" is no host's name; write {} slots=4", path, number, name,
                      colon == std::string::npos ? "node1" : name.substr(0, colon)));
    }
    Host& host = find_or_add(hosts, name);
    for (std::string word; words >> word;) {
      if (std::smatch match; std::regex_match(word, match, slots)) {
        host.slots = host.slots.value_or(0) + parse_slots(match[2], where);
      } else if (!std::regex_match(word, at_most)) {
        throw Refusal(bad_usage, fmt::format("{}: \"{}\" is not known here; write {} slots=4",
                                             where, word, name));
      }
    }
  }
  return hosts;
}

std::vector<Host> read_hostfile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  if (!file || !(text << file.rdbuf())) {
    throw Refusal(bad_usage, fmt::format("cannot read the hostfile {}, or it is empty", path));
  }
  auto hosts = parse_hostfile(text.str(), path);
  if (hosts.empty()) {
    throw Refusal(bad_usage, fmt::format("the hostfile {} names no host", path));
  }
  return hosts;
}

std::vector<int> share_out(int total, const std::vector<int>& weights) {
  const std::int64_t sum = std::accumulate(weights.begin(), weights.end(), std::int64_t{0});
  std::vector<int> shares;
  std::vector<std::size_t> order(weights.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (const int weight : weights) {
    shares.push_back(static_cast<int>(std::int64_t{total} * weight / sum));
  }
  const auto remainder = [&](std::size_t i) { return std::int64_t{total} * weights[i] % sum; };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return remainder(a) > remainder(b); });
  int left = total - std::accumulate(shares.begin(), shares.end(), 0);
  for (std::size_t i = 0; left > 0; ++i, --left) ++shares[order[i]];
  return shares;
}

}  // namespace mpx::runner
