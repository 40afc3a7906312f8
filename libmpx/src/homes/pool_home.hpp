#pragma once

#include <array>
#include <chrono>
#include <deque>
#include <list>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "homes/directory.hpp"
#include "homes/pool_pending.hpp"
#include "wire/pool.hpp"

namespace mpx::detail {

/// A pool: its processes, the batches that were submitted to it, and the scheduler between them.
///
/// Scheduling: each process has enough units waiting to cover kCover of the measured time of such
///             units, at least two chunks, but never more than its share of half of what is left
///             (guided self-scheduling, Polychronopoulos and Kuck 1987), and never more than twice
///             what it has finished: a death gives back no more than that. When nothing is left to
///             hand out, what waits at others is recalled for each idle process, from those that
///             have most.
/// Cost:       of an event the same however many processes there are.
/// Nesting:    tasks that are submitted by a task are one level deeper, and go first. A process
///             whose task waits lends its slot to another one, which is started if need be; at no
///             level more processes are in a unit than the pool has slots. The deepest task that
///             waits can always be served, so nothing waits for ever.
/// Failure:       a process that dies gives back what it had not begun; the one unit it was on is
///                run again `retries` times, then fails with ProcessLost. A unit that has finished
///                never runs again. A death costs the same however much is outstanding.
class PoolHome : public Home, private Directory::Observer {
 public:
  PoolHome(const ObjectId& self, ProcessId owner, Directory& directory, PoolSettings settings);
  PoolHome(const PoolHome&) = delete;
  PoolHome& operator=(const PoolHome&) = delete;
  ~PoolHome() override;

  void on(const FrameHeader& request, Payload payload, Outbox& out) override;
  void on_cancel(ProcessId from, std::uint64_t call, Outbox& out) override;
  void on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) override;
  void on_freed(Outbox& out) override;
  [[nodiscard]] std::string unfinished() const override;
  void tell(ObjectFacts& facts) const override;

 private:
  struct Range {
    std::uint64_t batch;  // its number; it may be gone, and a process still have its units
    std::uint64_t next, end;
  };
  struct Worker;
  using Row = std::list<Worker*>;
  struct Worker {
    ProcessId id;
    std::deque<Range> assigned;
    std::uint64_t outstanding = 0;  // units of assigned
    std::uint64_t depth = 0;        // of all of them
    std::uint64_t given = 0;
    std::uint32_t finished = 0, taken = 0;    // units, modulo 2^32
    std::unordered_set<std::uint64_t> known;  // functions
    bool ready = false, waiting = false, recalling = false, quitting = false, recalled_all = false;
    Row *takes = nullptr, *gives = nullptr;  // rows of Schedule that it is in, and where
    Row::iterator at_takes, at_gives;
    bool busy = false, runs = false, free = false, recalled = false;  // as counted there
  };
  /// Who may take units, who may be recalled, and how many are in units: what each event changes of
  /// its own process, so that no event costs more where there are more processes.
  struct Schedule {
    Row idle;                             // have no unit, and may take some
    std::map<std::uint64_t, Row> hungry;  // have some, by their depth, and may take more
    Row sated;                            // take none until something happens to them
    std::array<Row, 65> victims;          // have units to give back, by the bits of how many
    Row spared;                           // have none
    std::uint64_t running = 0;            // in a unit that does not wait
    std::uint64_t free = 0;               // have no unit, and do not quit
    std::uint64_t recalls = 0;            // under way
    std::unordered_map<std::uint64_t, std::uint64_t> as_deep;  // in units, by depth
  };
  struct Function {
    Payload call;
    double task_ns = -1;  // smoothed; below zero: not measured
  };

  // Of its processes, which need not have used it, the directory tells.
  void on_spawned(ProcessId, const ProcessFacts&, Outbox&) override {}
  void on_process_ended(ProcessId id, const ProcessFacts& facts, Outbox& out) override {
    on_ended(id, facts, out);
  }
  void on_leaving(Outbox& out) override { terminate(out); }

  void open(const FrameHeader& request, Payload payload, Outbox& out);
  bool start_process(Outbox& out);
  void start_processes(Outbox& out);
  void on_ready(const FrameHeader& request, Payload payload, Outbox& out);
  void submit(const FrameHeader& request, Payload payload, Outbox& out);
  void on_done(const FrameHeader& request, Payload payload, Outbox& out);
  void on_recalled(ProcessId from, std::uint64_t units, Outbox& out);
  void on_waiting(ProcessId from, bool waiting, Outbox& out);
  void close(const FrameHeader& request, Outbox& out);
  void terminate(Outbox& out);
  void join(const FrameHeader& request, Outbox& out);

  // the scheduler: pool_schedule.cpp
  void enter(Worker& worker);
  void settle(Worker& worker);
  void leave(Worker& worker);
  void take_from(Worker& worker, Row& row);
  void give_from(Worker& worker, Row& row);
  void count(Worker& worker, bool busy, bool runs, bool free, bool recalled);
  void fill(Outbox& out);
  void fill_idle(Outbox& out);
  void fill_hungry(Outbox& out);
  bool fill_one(Worker& worker, PoolBatch& batch, Outbox& out);
  void dispatch(Worker& worker, const PoolBatch& batch, PoolUnits units, Outbox& out);
  [[nodiscard]] bool has_slot(std::uint64_t depth) const;
  [[nodiscard]] PoolBatch* batch_for_idle() const;
  [[nodiscard]] std::uint64_t window(const PoolBatch& batch) const;
  void start_extra(Outbox& out);
  void recall(Worker& worker, Outbox& out);
  void recall_for_idle(Outbox& out);
  [[nodiscard]] bool may_give_back(const Worker& worker);
  void take_back(Worker& worker, std::uint64_t units);
  void book(Worker& worker, const PoolRecord& record);
  void measure(const std::unordered_set<std::uint64_t>& functions, double each_ns);

  void charge_death(Worker& worker, const ProcessFacts& facts, Outbox& out);
  PoolBatch* find(std::uint64_t number);
  void drop_batch(std::uint64_t number, Outbox& out);
  [[nodiscard]] std::uint64_t left() const;
  void fail_all(const Bytes& error, Outbox& out);
  void quit(Worker& worker, Outbox& out);
  void quit_if_done(Outbox& out);

  ObjectId self_;
  ProcessId owner_;
  Directory& directory_;
  PoolSettings settings_;
  Payload initializer_;
  std::unordered_map<ProcessId, Worker> workers_;
  std::uint64_t waiting_ = 0;  // of them
  Schedule schedule_;
  std::unordered_map<std::uint64_t, Function> functions_;
  std::unordered_map<std::uint64_t, PoolBatch> batches_;
  std::unordered_map<ProcessId, std::unordered_set<std::uint64_t>>
      submitters_;  // and their batches
  std::uint64_t next_batch_ = 1;
  std::uint64_t submitted_ = 0;  // elements, but for those dropped unfinished with their submitter
  PoolPending pending_;
  std::uint64_t failed_starts_ = 0;
  std::uint64_t next_worker_ = 1;
  Bytes broken_;  // captured exception that no process gets past, of the initializer
  bool closed_ = false, terminated_ = false;
  bool over_ = false;  // closed, and nothing is left to do: whoever is ready has been told to quit
  std::vector<FrameHeader> joining_;
};

}  // namespace mpx::detail
