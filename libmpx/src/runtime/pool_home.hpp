#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "runtime/directory.hpp"

namespace mpx::detail {

/// A pool: its processes, the batches that were submitted to it, and the scheduler between them.
///
/// Scheduling: each process has enough units waiting to cover kCover of its measured time per unit,
/// at least two chunks and at most kMostAhead units, but never more than its share of half of what
/// is left (guided self-scheduling, Polychronopoulos and Kuck 1987). When nothing is left to hand
/// out and a process is idle, what waits at the others is recalled and spread. Failure:    a
/// process that dies gives back what it had not begun; the one unit it was on is run again
/// `retries` times, then fails with ProcessLost. A unit that has finished never runs again.
class PoolHome : public Home {
 public:
  PoolHome(const ObjectId& self, ProcessId owner, Directory& directory, PoolSettings settings);

  void on(const FrameHeader& request, Payload payload, Outbox& out) override;
  void on_cancel(ProcessId from, std::uint64_t call, Outbox& out) override;
  void on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) override;
  void on_leaving(ProcessId who, Outbox& out) override;
  void on_freed(Outbox& out) override;

 private:
  struct Batch {
    std::uint64_t number;  // this home's
    FrameHeader request;   // of the submission: who gets the results
    std::uint64_t submitter_batch = 0;
    std::uint64_t function = 0;
    std::uint64_t chunk = 0;  // 0: automatic
    Bytes elements;
    std::vector<std::uint64_t> ends;          // of each element in `elements`
    std::vector<std::uint32_t> first_handle;  // empty where no element has any
    std::vector<ObjectId> handles;
    std::vector<bool> done;
    std::uint64_t left = 0;
    std::unordered_map<std::uint64_t, std::uint64_t> deaths;  // by element
  };
  struct Range {
    Batch* batch;  // null: dropped, but a process still has its units
    std::uint64_t next, end;
    std::uint64_t number;  // the batch's
  };
  struct Worker {
    std::deque<Range> assigned;
    std::uint64_t outstanding = 0;  // units of assigned
    std::uint64_t given = 0;
    std::unordered_set<std::uint64_t> known;  // functions
    bool ready = false, recalling = false, quitting = false, recalled_all = false;
  };

  void open(const FrameHeader& request, Payload payload, Outbox& out);
  void start_processes(Outbox& out);
  void submit(const FrameHeader& request, Payload payload, Outbox& out);
  void on_done(const FrameHeader& request, Payload payload, Outbox& out);
  void on_recalled(ProcessId from, std::uint64_t units, Outbox& out);
  void close(const FrameHeader& request, Outbox& out);
  void terminate(Outbox& out);
  void join(const FrameHeader& request, Outbox& out);

  void fill(Outbox& out);
  bool fill_one(ProcessId id, Worker& worker, Outbox& out);
  void dispatch(ProcessId id, Worker& worker, Range range, Outbox& out);
  void recall_for_idle(Outbox& out);
  [[nodiscard]] std::uint64_t window() const;
  void take_back(Worker& worker, std::uint64_t units);
  bool finish(Worker* worker, const PoolRecord& record);
  void fail(Batch& batch, std::uint64_t index, Status status, const Bytes& error, Outbox& out);
  void drop_batch(std::uint64_t number, Outbox& out);
  void fail_all(Status status, const Bytes& error, Outbox& out);
  void quit_if_done(Outbox& out);

  static constexpr std::chrono::nanoseconds kCover{400'000};
  static constexpr std::uint64_t kMostAhead = 2048;

  ObjectId self_;
  ProcessId owner_;
  Directory& directory_;
  PoolSettings settings_;
  Payload initializer_;
  std::map<ProcessId, Worker> workers_;
  std::unordered_map<std::uint64_t, Payload> functions_;
  std::map<std::uint64_t, Batch> batches_;
  std::uint64_t next_batch_ = 1;
  std::deque<Range> pending_;
  std::uint64_t pending_units_ = 0;
  double task_ns_ = -1;  // smoothed; below zero: not measured
  std::uint64_t failed_starts_ = 0;
  std::uint64_t next_worker_ = 1;
  Bytes broken_;  // captured exception that no process gets past, of the initializer
  bool closed_ = false, terminated_ = false;
  std::vector<FrameHeader> joining_;
};

}  // namespace mpx::detail
