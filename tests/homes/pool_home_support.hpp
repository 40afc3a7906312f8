#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <map>
#include <set>

#include "core/claims.hpp"
#include "homes/pool_home.hpp"
#include "support/homes.hpp"
#include "wire/pool.hpp"

namespace mpx::detail {

/// A pool and its processes, which carry out units in order. What they write is brought at once.
struct PoolHomeTest : testing::Test {
  struct Unit {
    std::uint64_t batch, index;
    std::string text;
  };
  struct Worker {
    std::deque<Unit> units;
    std::set<std::uint64_t> learned;
    bool quit = false;
    std::uint32_t finished = 0;
  };
  const ProcessId owner{0, 0}, other = process(50);
  const ObjectId self{0, 1, owner};
  Directory directory{{{"alpha", 4, 0}}};
  std::unique_ptr<PoolHome> pool;
  Collected out;
  std::map<ProcessId, Worker> workers;  // that live
  std::vector<ProcessId> begun;         // in the order of their starts
  std::map<std::pair<std::uint64_t, std::uint64_t>, Status>
      results;                   // by the submitter's batch and index
  std::vector<std::string> ran;  // texts of units, as they were carried out
  std::map<std::pair<std::uint64_t, std::uint64_t>, Bytes> errors;  // of those that failed
  std::set<ProcessId> killed;
  int doubled = 0;
  std::size_t handed = 0;  // units, each as often as it went to a process

  void open(std::uint64_t processes, std::uint64_t retries = 1,
            std::uint64_t max_tasks_per_child = 0) {
    pool = std::make_unique<PoolHome>(
        self, owner, directory, PoolSettings{processes, max_tasks_per_child, retries, "", {}, {}});
    pool->on(request(Kind::pool_open, owner, 1), {}, out);
    pump();
  }
  void function(std::uint64_t id) {
    pool->on(request(Kind::pool_function, owner), {Packer::pack(id), {}}, out);
  }
  /// Submits `count` elements whose texts are `name` and their number.
  std::optional<Status> submit(std::uint64_t batch, std::uint64_t count, std::uint64_t chunk = 1,
                               const std::string& name = "e", ProcessId from = {},
                               std::uint64_t depth = 0) {
    Packer body;
    body.put(PoolSubmission{batch, 9, count, chunk, depth, 0});
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto text = name + std::to_string(i);
      body.put(ElementHead{text.size(), 0});
      body.put_raw(text.data(), text.size());
    }
    const auto who = from == ProcessId{} ? owner : from;
    pool->on(request(Kind::pool_submit, who, 1000 + batch), {std::move(body).take(), {}}, out);
    const auto answer = out.answer(who, 1000 + batch);
    pump();
    return answer;
  }
  /// Submits one call by itself.
  void submit_single(std::uint64_t batch) {
    pool->on(request(Kind::pool_submit, owner, 1000 + batch),
             {Packer::pack(PoolSubmission{batch, 9, 1, 0, 0, 1, 1}, 'c'), {}}, out);
    pump();
  }
  /// Takes in what the pool has sent.
  void pump() {
    for (auto& frame : out.take()) {
      const auto header = frame.header;
      Unpacker in(frame.body);
      if (header.kind == Kind::spawn) {
        workers[header.to];
        begun.push_back(header.to);
      } else if (header.kind == Kind::signal) {
        if (in.get<std::int32_t>() == SIGKILL) killed.insert(header.to);
      } else if (header.kind == Kind::pool_results) {
        while (!in.at_end()) {
          const auto [record, values] = next_record(in);
          if (record.failed())
            errors[{header.call, record.first}] = Bytes(values.begin(), values.end());
          const auto status = static_cast<Status>(record.status);
          for (auto i = record.first; i < record.first + record.count; ++i) {
            if (!results.emplace(std::pair(header.call, i), status).second) ++doubled;
          }
        }
      } else if (header.kind == Kind::reply) {
        out.frames.push_back(std::move(frame));
      } else if (const auto found = workers.find(header.to); found != workers.end()) {
        if (header.kind == Kind::pool_learn) found->second.learned.insert(in.get<std::uint64_t>());
        if (header.kind == Kind::pool_quit) found->second.quit = true;
        if (header.kind == Kind::recall) recalled_.insert(header.to);
        if (header.kind == Kind::pool_tasks) take_in(found->second, in);
      }
    }
  }
  void take_in(Worker& worker, Unpacker& in) {
    const auto count = in.get<ClaimStamp>().count;
    handed += count;
    const auto tasks = in.get<PoolTasks>();
    ASSERT_TRUE(worker.learned.contains(tasks.function)) << "a unit came before its function";
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto size = tasks.each != 0 ? tasks.each : in.get<ElementHead>().size;
      worker.units.push_back({tasks.batch, tasks.first + i, text_of(in.view(size))});
    }
    ASSERT_TRUE(in.at_end());
  }
  void ready(ProcessId who) {
    pool->on(request(Kind::pool_ready, who), {}, out);
    pump();
  }
  void all_ready() {
    for (const auto who : std::vector(begun)) {
      if (workers.contains(who)) ready(who);
    }
  }
  /// The process finishes its first `count` units; `ns` is the time they took, as it measures.
  void finish(ProcessId who, std::size_t count = 1, std::uint64_t ns = 0) {
    Packer body;
    auto& units = workers.at(who).units;
    for (; count > 0 && !units.empty(); --count) {
      body.put(PoolRecord{units.front().batch, units.front().index, 1});
      body.put('v');
      ++workers.at(who).finished;
      ran.push_back(units.front().text);
      units.pop_front();
    }
    pool->on(request(Kind::pool_done, who, ns), {std::move(body).take(), {}}, out);
    pump();
  }
  /// Its task waits for other tasks, and goes on.
  void wait(ProcessId who) {
    pool->on(request(Kind::pool_wait, who), {}, out);
    pump();
  }
  void resume(ProcessId who) {
    pool->on(request(Kind::pool_resume, who), {}, out);
    pump();
  }
  /// Its worker takes back what it has not begun; the first unit is under way.
  bool answer_recall(ProcessId who) {
    if (recalled_.erase(who) == 0) return false;
    auto& units = workers.at(who).units;
    const auto back = units.empty() ? 0 : units.size() - 1;
    units.resize(units.size() - back);
    pool->on(request(Kind::recalled, who), {Packer::pack(static_cast<std::uint32_t>(back)), {}},
             out);
    pump();
    return true;
  }
  /// The process ends, in the middle of its first unit or between two.
  void die(ProcessId who, int exit_code = -9, bool in_task = true) {
    const auto taken = static_cast<std::uint32_t>(workers.at(who).finished + (in_task ? 1 : 0));
    workers.erase(who);
    recalled_.erase(who);
    const auto facts = facts_of(who, exit_code);
    pool->on(request(Kind::left, who), {Packer::pack(std::uint16_t{0}, taken), {}}, out);
    directory.on_ended(who, facts, out);
    pool->on_ended(who, facts, out);
    pump();
  }
  /// Everyone works until nothing is left to do.
  void work_off() {
    for (bool some = true; some;) {
      some = false;
      for (const auto who : std::vector(begun)) {
        if (!workers.contains(who)) continue;
        some |= answer_recall(who);
        if (workers.at(who).units.empty()) continue;
        finish(who);
        some = true;
      }
      for (const auto who : std::vector(begun)) {
        if (workers.contains(who) && workers.at(who).quit && workers.at(who).units.empty()) {
          die(who, 0, false);
          if (!begun.empty() && workers.contains(begun.back())) ready(begun.back());
          some = true;
        }
      }
    }
  }
  [[nodiscard]] std::size_t with(Status status) const {
    return static_cast<std::size_t>(
        std::count_if(results.begin(), results.end(),
                      [&](const auto& result) { return result.second == status; }));
  }
  std::set<ProcessId> recalled_;  // not yet answered
};

}  // namespace mpx::detail
