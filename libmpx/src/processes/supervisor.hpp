#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "processes/peer.hpp"
#include "processes/process_slots.hpp"
#include "processes/spawner.hpp"
#include "wire/process.hpp"
#include "wire/waits.hpp"

namespace mpx::detail {

/// The processes of this rank: starts them, moves their frames, and reports their ends.
///
/// Ordering:      everything that a process wrote is delivered before its end is reported.
/// Thread safety: none; called under the runtime's mutex.
class Supervisor {
 public:
  /// Routes a frame that a process sent, or that the supervisor sends itself.
  using Route = Peer::Route;

  Supervisor(int rank, std::string host, std::unique_ptr<Spawner> spawner, Route route);

  /// Starts processes through it from now on.
  void adopt(std::unique_ptr<Spawner> spawner) { spawner_ = std::move(spawner); }

  /// Slots for the processes that start from now on.
  void set_slots(ProcessSlots slots) { slots_ = std::move(slots); }

  void spawn(Frame request);
  /// Sends a signal to request.to, and then the answer.
  void signal(const FrameHeader& request, int signo);
  /// Gives a frame to a process of this rank; one to a process that has ended is dropped.
  void deliver(Frame frame);
  /// Takes back what `who` has not taken of claim slot header.status, and tells header.object's
  /// home.
  void recall(const FrameHeader& request);

  /// Notes that `who` holds `more` permits more of `semaphore`, taken by way of its word; at its end
  /// the semaphore's home is told the sum.
  void note_permits(ProcessId who, const ObjectId& semaphore, std::int64_t more);

  /// Moves what can be moved. Returns how many events there were. `woken`: a watched descriptor is
  /// readable.
  std::size_t pump(bool woken = false);
  void announce_sleep();
  void announce_awake();
  /// Whether a frame waits for room in a ring or something can be read.
  [[nodiscard]] bool readable() const;
  [[nodiscard]] std::size_t live() const { return children_.size(); }
  /// Whether pump() may have something to do.
  [[nodiscard]] bool active() const { return !children_.empty(); }

  /// Asks each process what it waits for, but for those that have not answered the last time: they
  /// compute.
  void ask_waits(std::uint64_t round);
  /// Permits that processes of this rank hold by what note_permits() was told.
  [[nodiscard]] std::vector<HeldPermits> permits() const;
  /// Whether something for a process waits for room.
  [[nodiscard]] bool congested() const;

  /// Asks all processes to stop, and those that start from now on.
  void request_stop();

  /// Ends all processes now.
  void stop();
  /// After stop(): what starts processes, for another use.
  std::unique_ptr<Spawner> release_spawner() { return std::move(spawner_); }

  /// Called with every descriptor to be watched while asleep (true) and no longer (false).
  std::function<void(int fd, bool add)> watch;
  /// The job cannot go on: the fork server has died.
  std::function<void(const std::string&)> fatal;

 private:
  struct Child {
    Child(ProcessId id, std::unique_ptr<ByteStream> stream, SharedBlock* shared, const Route& route)
        : peer(id, kProcessPeer, std::move(stream), shared, route) {}
    Peer peer;
    ProcessFacts facts;
    std::optional<std::size_t> slot;
    bool ended = false;
    bool refused = false;  // what it sent cannot be right: it is killed, and not listened to
  };

  void kill(Child& child);
  void answer(const FrameHeader& request);
  void report_start(ProcessId id, const ProcessFacts& facts);
  void log_failures();
  std::size_t pump_child(Child& child);
  void on_event(const SpawnEvent& event);
  void report_end(Child& child);
  void kill_children();

  int rank_;
  std::string host_;
  std::unique_ptr<Spawner> spawner_;
  ProcessSlots slots_;
  Route route_;
  std::string failure_;       // why the last process could not be started; empty: it could
  std::size_t failures_ = 0;  // of this kind, in a row
  std::uint32_t rounds_ = 0;
  std::deque<FrameHeader> signals_;  // that the spawner has not sent yet, in order
  std::vector<Child*> round_;        // what pump() goes through
  bool asleep_ = false;              // announced; a new process must know it too
  bool stopping_ = false;
  bool changed_ = false;  // children_, since round_ was made
  std::unordered_map<std::uint64_t, std::unique_ptr<Child>> children_;  // by serial
};

}  // namespace mpx::detail
