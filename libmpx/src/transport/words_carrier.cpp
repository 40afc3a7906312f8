#include "transport/words_carrier.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

constexpr std::uint32_t kDefaultWords = 1u << 16;
constexpr std::uint32_t kMostWords = 1u << 30;

std::string why(const CarrierFacts& facts) {
  if (facts.forced) return "MPX_WORDS";
  if (facts.nodes == 1) return {};
  if (!facts.own_mpi) return "in a host program's MPI";
  if (!facts.infiniband) return "no InfiniBand";
  if (!facts.atomics) return "InfiniBand, but MPI has no osc/ucx to use it";
  return facts.window_failed ? "InfiniBand, but MPI could not make a window" : "InfiniBand";
}

std::string quoted(const std::string& value) {
  return value.empty() ? "not set" : fmt::format("'{}'", value);
}

}  // namespace

std::optional<Carrier> parse_carrier(const std::string& text) {
  if (text.empty()) return std::nullopt;
  if (text == "window") return Carrier::window;
  if (text == "hybrid") return Carrier::hybrid;
  if (text == "messages") return Carrier::messages;
  throw LaunchError(
      fmt::format("MPX_WORDS is '{}': it must be window, hybrid or messages, or left out", text));
}

Carrier choose_carrier(const CarrierFacts& facts) {
  if (facts.forced) return *facts.forced;
  if (facts.nodes == 1) return Carrier::window;
  const bool hardware = facts.own_mpi && facts.infiniband && facts.atomics;
  return hardware && !facts.window_failed ? Carrier::window : Carrier::hybrid;
}

std::string describe_carrier(Carrier carrier, const CarrierFacts& facts) {
  const bool one = facts.nodes == 1;
  std::string what = "messages";
  if (carrier == Carrier::window) what = one ? "window: shared memory" : "window: MPI one-sided";
  if (carrier == Carrier::hybrid)
    what = one ? "hybrid: node window" : "hybrid: node windows + messages";
  const auto reason = why(facts);
  return fmt::format("{} ({}{}{})", what, one ? "1 node" : fmt::format("{} nodes", facts.nodes),
                     reason.empty() ? "" : ", ", reason);
}

std::string agreed_value(const std::string& variable, const std::vector<std::string>& values,
                         const std::vector<std::string>& hosts) {
  constexpr int kNamed = 4;
  std::string others;
  int differ = 0;
  for (std::size_t rank = 1; rank < values.size(); ++rank) {
    if (values[rank] == values[0] || ++differ > kNamed) continue;
    others += fmt::format(", {} on rank {} (host {})", quoted(values[rank]), rank, hosts[rank]);
  }
  if (differ == 0) return values.at(0);
  if (differ > kNamed) others += fmt::format(", and {} more ranks differ", differ - kNamed);
  throw LaunchError(
      fmt::format("{} is not the same on all ranks: {} on rank 0 (host {}){}; give it to all of "
                  "them (mpirun -x {}, mpx-run -x {}), or to none",
                  variable, quoted(values[0]), hosts[0], others, variable, variable));
}

std::uint32_t parse_words_per_rank(const std::string& text) {
  if (text.empty()) return kDefaultWords;
  std::uint32_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || stop != text.data() + text.size() || number == 0 ||
      number > kMostWords) {
    throw LaunchError(fmt::format("MPX_WORDS_PER_RANK is '{}': not a number of words from 1 to {}",
                                  text, kMostWords));
  }
  return number;
}

}  // namespace mpx::detail
