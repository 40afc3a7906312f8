#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mpx_random {

/// What programs may contain; MPX_TEST_OMIT leaves some out, to tell faults apart.
enum class Feature : unsigned {
  kill = 1U << 0,         // processes are killed
  stop = 1U << 1,         // processes are stopped for a while
  exit = 1U << 2,         // processes end with a status
  close_queue = 1U << 3,  // queues are closed while others use them
  close_end = 1U << 4,    // ends of pipes are closed
  inner = 1U << 5,        // items hold queues and pipes of their own
  move = 1U << 6,         // ends of pipes are passed on
  keep = 1U << 7,         // the main process keeps copies of ends
  capacity = 1U << 8,     // queues of few items
  budget = 1U << 9,       // queues of few bytes
  threads = 1U << 10,     // processes of two threads
  learn = 1U << 11,       // put and send to what is gone, until it is told
  pipes = 1U << 12,
  large = 1U << 13,  // items of 8 KiB to 3 MiB
};
/// "kill,stop" as a set. Throws std::invalid_argument, with the names that there are.
unsigned features_of(const std::string& names);

enum class OpKind : std::uint8_t {
  // on a queue
  put,
  try_put,
  try_put_for,
  get,
  try_get,
  try_get_for,
  size,
  flush,
  close_queue,
  learn_put,
  // on an end of a pipe
  send,
  recv,
  poll,
  poll_for,
  close_end,
  learn_send,
  // others
  sleep,
  kill_self,
  // not drawn: what follows from an operation, and what the main process does
  inner,
  start,
  join,
  fill,
};
const char* name_of(OpKind kind);

/// What an item holds beside its bytes.
enum class Cargo : std::uint8_t { nothing, queue, pipe, end };

/// One operation of an actor, `count` times, as long as it succeeds.
struct Op {
  OpKind kind = OpKind::sleep;
  Cargo cargo = Cargo::nothing;
  std::uint16_t count = 1;
  std::uint32_t target = 0;  // a queue's index; of ends: the target-th that the actor has then
  std::uint32_t bytes = 0;
  std::int64_t limit_us = 0;
};

struct QueuePlan {
  std::size_t capacity = 0;
  std::size_t budget_bytes = std::size_t{256} << 20;
  std::optional<int> home = {};
};

/// One end of a pipe; that of the same pipe is at index ^ 1.
struct EndPlan {
  bool readable = true, writable = true;
  int actor = 0;            // who has it at the start
  bool main_keeps = false;  // the main process has a copy, which it does not use
};

/// What runs operations one after the other: a thread of a process.
struct ActorPlan {
  int process = 0;
  std::vector<Op> ops;
};

struct ProcessPlan {
  std::optional<int> rank = {};
  std::vector<int> actors;
  std::optional<int> status = {};  // ends by mpx::exit
  bool leaves_ends = false;        // ends of pipes live as long as the process
  std::optional<int> kill_after_us = {};
  bool kill_by_library = true;
  std::optional<int> stop_after_us = {};
  int stop_us = 0;
};

/// Process 0 is the main process, with actor 0.
struct Program {
  std::uint64_t seed = 0;
  std::vector<QueuePlan> queues;
  std::vector<EndPlan> ends;
  std::vector<ActorPlan> actors;
  std::vector<ProcessPlan> processes;
};

inline constexpr int kMostQueues = 3, kMostEnds = 8, kMostProcesses = 7, kMostActors = 14;
/// Not an actor of the program: who frees those that wait for each other. Of the main process.
inline constexpr int kReferee = kMostActors - 1;

/// The program of this seed: the same for the same arguments, in every process.
Program draw(std::uint64_t seed, unsigned omit, int ranks);

/// It in words.
std::string listing(const Program& program);

}  // namespace mpx_random
