#include "ranks/random/trial.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "ranks/random/actor.hpp"
#include "ranks/random/history.hpp"
#include "ranks/random/referee.hpp"

namespace mpx_random {
namespace {

std::vector<mpx::Queue<Item>> make_queues(const Program& program) {
  std::vector<mpx::Queue<Item>> queues;
  for (const auto& plan : program.queues) {
    mpx::QueueOptions options{.capacity = plan.capacity, .budget_bytes = plan.budget_bytes};
    if (plan.home) options.home = mpx::Rank(*plan.home);
    queues.emplace_back(options);
  }
  return queues;
}

std::vector<HeldEnd> make_pipes(const Program& program) {
  std::vector<HeldEnd> ends;
  for (std::size_t i = 0; i + 1 < program.ends.size(); i += 2) {
    const bool duplex = program.ends[i].writable;
    auto [receiver, sender] = duplex ? mpx::pipe() : mpx::pipe(mpx::simplex);
    ends.push_back({static_cast<int>(i), std::move(receiver)});
    ends.push_back({static_cast<int>(i) + 1, std::move(sender)});
  }
  return ends;
}

class Trial {
 public:
  Trial(std::uint64_t seed, unsigned omit, int ranks)
      : omit_(omit), ranks_(ranks), program_(draw(seed, omit, ranks)) {}

  Verdict run() {
    auto queues = make_queues(program_);
    auto ends = make_pipes(program_);
    for (const auto& end : ends) {
      const auto at = static_cast<std::size_t>(end.id);
      const auto& plan = program_.ends[at];
      board_->where[at].store(plan.actor);
      board_->holders[at].store(plan.main_keeps ? 2 : 1);
    }
    Actor main(program_, 0, *board_, queues, ends_of(0, ends));
    std::optional<Referee> referee(std::in_place, program_, *board_, queues);
    for (const auto& end : ends) {
      if (program_.ends[static_cast<std::size_t>(end.id)].main_keeps)
        referee->keep(end.id, end.connection);
    }
    std::vector<mpx::Process> processes(1);
    for (int p = 1; p < static_cast<int>(program_.processes.size()); ++p) {
      main.note(OpKind::start, p, [&](Record&) {
        processes.push_back(start(p, queues, ends));
        referee->started(p, processes.back());
        return Outcome::ok;
      });
    }
    main.run();
    if (!program_.processes[0].leaves_ends) main.close_ends();
    for (int p = 1; p < static_cast<int>(processes.size()); ++p) {
      main.note(OpKind::join, p, [&](Record& record) {
        processes[static_cast<std::size_t>(p)].join();
        const auto code = processes[static_cast<std::size_t>(p)].exit_code();
        record.value = code.value_or(-1000);
        referee->ended(p, code.value_or(-1000));
        return Outcome::ok;
      });
      leave_ends_of(p);
    }
    for (int q = 0; q < static_cast<int>(program_.queues.size()); ++q) main.drain(q);
    main.note(OpKind::inner, -1, [&](Record&) {
      referee->settle();
      return Outcome::ok;
    });
    for (int q = 0; q < static_cast<int>(program_.queues.size()); ++q) main.fill(q);
    const auto history = referee->history();
    referee.reset();
    return verdict(history);
  }

 private:
  [[nodiscard]] int process_at(int end) const {
    const auto actor = program_.ends[static_cast<std::size_t>(end)].actor;
    return program_.actors[static_cast<std::size_t>(actor)].process;
  }

  /// The ends that a process begins with, taken out of `ends`.
  std::vector<HeldEnd> ends_of(int process, std::vector<HeldEnd>& ends) const {
    std::vector<HeldEnd> its, rest;
    for (auto& end : ends) (process_at(end.id) == process ? its : rest).push_back(end);
    ends = std::move(rest);
    return its;
  }

  mpx::Process start(int p, const std::vector<mpx::Queue<Item>>& queues,
                     std::vector<HeldEnd>& ends) const {
    mpx::ProcessOptions options;
    options.name = fmt::format("process {}", p);
    if (const auto rank = program_.processes[static_cast<std::size_t>(p)].rank)
      options.rank = mpx::Rank(*rank);
    mpx::Process process(options, run_process, board_.path(), program_.seed, omit_, ranks_, p,
                         queues, ends_of(p, ends));
    process.start();
    return process;
  }

  /// What a process had when it ended is nobody's now.
  void leave_ends_of(int process) {
    for (std::size_t end = 0; end < program_.ends.size(); ++end) {
      for (const auto actor : program_.processes[static_cast<std::size_t>(process)].actors) {
        if (board_->where[end].load() != actor) continue;
        board_->where[end].store(kNobody);
        --board_->holders[end];
      }
    }
  }

  [[nodiscard]] Verdict verdict(const History& history) const {
    Verdict verdict;
    verdict.faults = faults_of(history);
    for (std::size_t a = 0; a < board_->actors.size(); ++a) {
      const auto& log = board_->actors[a];
      if (log.faulty.load())
        verdict.faults.push_back(fmt::format("actor {}: {}", a, log.fault.data()));
    }
    for (std::size_t p = 1; p < history.fates.size(); ++p) {
      const auto& fate = history.fates[p];
      const int natural = program_.processes[p].status.value_or(0);
      const bool killed = fate.killed_at != kNever && fate.was_killed();
      if (!killed && fate.exit_code != natural)
        verdict.faults.push_back(
            fmt::format("process {} ended with {}", p, fate.exit_code.value_or(-1000)));
    }
    if (verdict.faults.empty()) return verdict;
    for (const auto& event : history.events) verdict.log += describe(event, history.start) + "\n";
    return verdict;
  }

  unsigned omit_;
  int ranks_;
  Program program_;
  SharedBoard board_;
};

}  // namespace

Verdict try_program(std::uint64_t seed, unsigned omit, int ranks) {
  return Trial(seed, omit, ranks).run();
}

}  // namespace mpx_random
