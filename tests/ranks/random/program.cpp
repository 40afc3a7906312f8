#include "ranks/random/program.hpp"

#include <fmt/format.h>

#include <array>
#include <random>
#include <stdexcept>
#include <utility>

namespace mpx_random {
namespace {

constexpr std::array<std::pair<const char*, Feature>, 14> kFeatures{
    {{"kill", Feature::kill},
     {"stop", Feature::stop},
     {"exit", Feature::exit},
     {"close_queue", Feature::close_queue},
     {"close_end", Feature::close_end},
     {"inner", Feature::inner},
     {"move", Feature::move},
     {"keep", Feature::keep},
     {"capacity", Feature::capacity},
     {"budget", Feature::budget},
     {"threads", Feature::threads},
     {"learn", Feature::learn},
     {"pipes", Feature::pipes},
     {"large", Feature::large}}};

constexpr std::array<const char*, 22> kNames{
    "put",   "try_put",  "try_put_for", "get",        "try_get", "try_get_for",
    "size",  "flush",    "close_queue", "learn_put",  "send",    "recv",
    "poll",  "poll_for", "close_end",   "learn_send", "sleep",   "kill_self",
    "inner", "start",    "join",        "fill"};
constexpr int kDrawn = static_cast<int>(OpKind::kill_self);  // kinds below are drawn by weight

bool on_end(OpKind kind) { return kind >= OpKind::send && kind <= OpKind::learn_send; }
bool carries(OpKind kind) { return kind <= OpKind::try_put_for || kind == OpKind::send; }

class Drawer {
 public:
  Drawer(std::uint64_t seed, unsigned omit, int ranks)
      : random_(seed), omit_(omit), ranks_(ranks) {}

  Program draw(std::uint64_t seed) {
    Program program;
    program.seed = seed;
    for (auto n = 1 + below(kMostQueues); n > 0; --n) program.queues.push_back(queue());
    processes(program);
    if (has(Feature::pipes)) pipes(program);
    const auto most = chance(15) ? 40U : 15U;
    for (auto& actor : program.actors) {
      // The main process often only looks on.
      if (actor.process == 0 && chance(50)) continue;
      actor.ops = operations(program, 1 + below(most));
      if (actor.process != 0 && has(Feature::kill) && chance(8)) {
        const auto at = below(static_cast<unsigned>(actor.ops.size()) + 1);
        actor.ops.insert(actor.ops.begin() + at, Op{.kind = OpKind::kill_self});
      }
    }
    return program;
  }

 private:
  [[nodiscard]] bool has(Feature feature) const {
    return (omit_ & static_cast<unsigned>(feature)) == 0;
  }
  // Not a distribution of the standard library: those draw differently elsewhere.
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
  bool chance(unsigned percent) { return below(100) < percent; }
  template <class T, std::size_t n>
  T one_of(const T (&values)[n]) {
    return values[below(n)];
  }

  QueuePlan queue() {
    QueuePlan plan;
    const bool bounded = chance(55), small = chance(40), placed = chance(60);
    const auto capacity = one_of<std::size_t>({1, 1, 2, 7, 30});
    const auto budget = one_of<std::size_t>({1, 100, 4096, 65536, 1 << 20});
    const auto home = static_cast<int>(below(static_cast<unsigned>(ranks_)));
    if (bounded && has(Feature::capacity)) plan.capacity = capacity;
    if (small && has(Feature::budget)) plan.budget_bytes = budget;
    if (placed) plan.home = home;
    return plan;
  }

  void processes(Program& program) {
    program.processes.push_back({.actors = {0}, .leaves_ends = chance(30)});
    program.actors.push_back({.process = 0, .ops = {}});
    const auto count = 1 + static_cast<int>(below(kMostProcesses - 1));
    for (int process = 1; process <= count; ++process) {
      ProcessPlan plan;
      const bool two = chance(20) && has(Feature::threads);
      for (int threads = two ? 2 : 1; threads > 0; --threads) {
        plan.actors.push_back(static_cast<int>(program.actors.size()));
        program.actors.push_back({.process = process, .ops = {}});
      }
      const auto rank = below(static_cast<unsigned>(ranks_));
      if (rank != 0 && chance(60)) plan.rank = static_cast<int>(rank);
      plan.leaves_ends = chance(30);
      if (const auto status = one_of({0, 1, 3}); chance(15) && has(Feature::exit))
        plan.status = status;
      const bool early = chance(30);
      if (const auto at = below(early ? 2000 : 40'000); chance(20) && has(Feature::kill))
        plan.kill_after_us = static_cast<int>(at);
      plan.kill_by_library = chance(50);
      if (const auto at = below(20'000); chance(10) && has(Feature::stop))
        plan.stop_after_us = static_cast<int>(at);
      plan.stop_us = static_cast<int>(below(200'000));
      program.processes.push_back(plan);
    }
  }

  void pipes(Program& program) {
    for (auto n = below(kMostEnds / 2 + 1); n > 0; --n) {
      const bool duplex = chance(50);
      for (int side = 0; side < 2; ++side) {
        EndPlan plan;
        plan.actor = static_cast<int>(below(static_cast<unsigned>(program.actors.size())));
        plan.readable = duplex || side == 0;
        plan.writable = duplex || side == 1;
        plan.main_keeps = chance(15) && has(Feature::keep);
        program.ends.push_back(plan);
      }
    }
  }

  [[nodiscard]] bool allowed(OpKind kind, const Program& program) const {
    if (on_end(kind) && program.ends.empty() && !has(Feature::move)) return false;
    switch (kind) {
      case OpKind::close_queue:
        return has(Feature::close_queue);
      case OpKind::close_end:
        return has(Feature::close_end);
      case OpKind::learn_put:
      case OpKind::learn_send:
        return has(Feature::learn);
      default:
        return true;
    }
  }

  /// Each actor has weights of its own, many of them zero: one that only puts, one that only polls.
  std::vector<Op> operations(const Program& program, unsigned count) {
    std::vector<unsigned> weights;
    unsigned sum = 0;
    for (int kind = 0; kind < kDrawn; ++kind) {
      auto weight = one_of({0U, 0U, 2U, 6U, 16U});
      const auto op = static_cast<OpKind>(kind);
      if (op == OpKind::close_queue || op == OpKind::close_end) weight /= 6;
      if (op == OpKind::sleep) weight /= 2;
      if (!allowed(op, program)) weight = 0;
      weights.push_back(weight);
      sum += weight;
    }
    std::vector<Op> ops;
    while (sum > 0 && ops.size() < count) {
      auto at = below(sum);
      int kind = 0;
      while (at >= weights[static_cast<std::size_t>(kind)])
        at -= weights[static_cast<std::size_t>(kind++)];
      ops.push_back(operation(static_cast<OpKind>(kind), program));
    }
    return ops;
  }

  Op operation(OpKind kind, const Program& program) {
    Op op;
    op.kind = kind;
    op.target = on_end(kind) ? below(1000) : below(static_cast<unsigned>(program.queues.size()));
    const auto some = 2 + below(9), many = 17 + below(60), how_often = below(100);
    if (how_often > 50) op.count = static_cast<std::uint16_t>(how_often > 85 ? many : some);
    if (kind == OpKind::close_queue || kind == OpKind::close_end || kind == OpKind::learn_put ||
        kind == OpKind::learn_send)
      op.count = 1;
    if (kind == OpKind::size || kind == OpKind::flush || kind == OpKind::sleep)
      op.count = static_cast<std::uint16_t>(1 + op.count % 3);
    op.limit_us = below(chance(20) ? 50'000 : 2000);
    if (!carries(kind)) return op;
    op.bytes = size(op.count);
    const auto cargo = chance(12) ? static_cast<Cargo>(1 + below(3)) : Cargo::nothing;
    if (cargo != Cargo::nothing && has(cargo == Cargo::end ? Feature::move : Feature::inner)) {
      op.cargo = cargo;
      op.count = static_cast<std::uint16_t>(1 + op.count % 4);
    }
    return op;
  }

  std::uint32_t size(unsigned count) {
    const auto kind = below(100);
    const auto small = below(200), medium = below(8000), large = below(200'000),
               huge = below(3 << 20);
    auto bytes = kind < 70 ? small : kind < 90 ? medium : kind < 97 ? large : huge;
    if (!has(Feature::large)) bytes %= 8000;
    if (bytes * count > (4U << 20) || total_ + bytes * count > (24U << 20)) bytes = small;
    total_ += bytes * count;
    return bytes;
  }

  std::mt19937_64 random_;
  unsigned omit_;
  int ranks_;
  std::uint64_t total_ = 0;
};

std::string describe(const Op& op) {
  auto text = std::string(name_of(op.kind));
  if (op.kind == OpKind::sleep || op.kind == OpKind::kill_self) {
    return op.kind == OpKind::sleep ? fmt::format("sleep {} us", op.limit_us) : text;
  }
  text += on_end(op.kind) ? fmt::format(" end %{}", op.target) : fmt::format(" q{}", op.target);
  if (carries(op.kind)) text += fmt::format(" {} B", op.bytes);
  constexpr const char* kCargo[] = {"", " with a queue", " with a pipe", " with an end"};
  text += kCargo[static_cast<int>(op.cargo)];
  if (op.kind == OpKind::try_put_for || op.kind == OpKind::try_get_for ||
      op.kind == OpKind::poll_for)
    text += fmt::format(" for {} us", op.limit_us);
  if (op.count > 1) text += fmt::format(" x{}", op.count);
  return text;
}

}  // namespace

const char* name_of(OpKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

unsigned features_of(const std::string& names) {
  unsigned set = 0;
  for (std::size_t at = 0; at < names.size();) {
    const auto comma = std::min(names.find(',', at), names.size());
    const auto name = names.substr(at, comma - at);
    unsigned found = 0;
    std::string known;
    for (const auto& [text, feature] : kFeatures) {
      if (name == text) found = static_cast<unsigned>(feature);
      known += std::string(" ") + text;
    }
    if (found == 0) throw std::invalid_argument("no feature '" + name + "'; there are:" + known);
    set |= found;
    at = comma + 1;
  }
  return set;
}

Program draw(std::uint64_t seed, unsigned omit, int ranks) {
  return Drawer(seed, omit, ranks).draw(seed);
}

std::string listing(const Program& program) {
  std::string text = fmt::format("program {}:\n", program.seed);
  for (std::size_t i = 0; i < program.queues.size(); ++i) {
    const auto& queue = program.queues[i];
    text += fmt::format("  q{}: capacity {}, budget {} B, home {}\n", i, queue.capacity,
                        queue.budget_bytes,
                        queue.home ? std::to_string(*queue.home) : std::string("any"));
  }
  for (std::size_t i = 0; i < program.ends.size(); ++i) {
    const auto& end = program.ends[i];
    text += fmt::format("  e{} (other end e{}):{}{}, of actor {}{}\n", i, i ^ 1,
                        end.readable ? " receives" : "", end.writable ? " sends" : "", end.actor,
                        end.main_keeps ? ", the main process keeps a copy" : "");
  }
  for (std::size_t p = 0; p < program.processes.size(); ++p) {
    const auto& process = program.processes[p];
    text +=
        fmt::format("  process {}{}{}{}{}{}\n", p,
                    process.rank ? fmt::format(" on rank {}", *process.rank) : "",
                    process.status ? fmt::format(", exits with {}", *process.status) : "",
                    process.leaves_ends ? ", leaves its ends open" : "",
                    process.kill_after_us ? fmt::format(", killed {}after {} us",
                                                        process.kill_by_library ? "by kill() " : "",
                                                        *process.kill_after_us)
                                          : "",
                    process.stop_after_us ? fmt::format(", stopped after {} us for {} us",
                                                        *process.stop_after_us, process.stop_us)
                                          : "");
    for (const auto a : process.actors) {
      text += fmt::format("    actor {}:", a);
      const char* separator = " ";
      for (const auto& op : program.actors[static_cast<std::size_t>(a)].ops) {
        text += separator + describe(op);
        separator = "; ";
      }
      text += "\n";
    }
  }
  return text;
}

}  // namespace mpx_random
