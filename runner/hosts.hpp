#pragma once

#include <optional>
#include <string>
#include <vector>

namespace mpx::runner {

/// A node to run on.
struct Host {
  std::string name;
  std::optional<int> slots;  ///< none: not said

  friend bool operator==(const Host&, const Host&) = default;
};

/// Adds slots to the host of that name, or the host.
void add_slots(std::vector<Host>& hosts, const std::string& name, int slots);

/// Reads "a:4,b,b": a host named twice without numbers has two slots. Throws Refusal.
[[nodiscard]] std::vector<Host> parse_host_list(const std::string& list);

/// Reads the text of a hostfile: a host a line, with or without "slots=N". Throws Refusal, which
/// names the file, `path`, and the line.
[[nodiscard]] std::vector<Host> parse_hostfile(const std::string& text, const std::string& path);

/// Reads a hostfile from disk. Throws Refusal.
[[nodiscard]] std::vector<Host> read_hostfile(const std::string& path);

/// Shares `total` out in proportion to `weights` (all positive), by largest remainder; among equal
/// remainders the earlier gets more. The sum is exactly `total`.
[[nodiscard]] std::vector<int> share_out(int total, const std::vector<int>& weights);

}  // namespace mpx::runner
