#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "core/client_mutex.hpp"
#include "core/unique_fd.hpp"
#include "homes/directory.hpp"
#include "homes/home_table.hpp"
#include "homes/wait_watch.hpp"
#include "mpx/detail/deadline.hpp"
#include "processes/supervisor.hpp"
#include "runtime/idle.hpp"
#include "transport/transport.hpp"
#include "transport/words.hpp"

namespace mpx::detail {

/// One rank's part of libmpx: routes frames, serves the homes of this rank, supervises its
/// processes.
///
/// Thread safety: everything under one mutex, which also serialises MPI; drive() releases it while
///                it sleeps.
class Runtime : private Outbox {
 public:
  struct Options {
    Transport* transport = nullptr;
    Words* words = nullptr;
    std::unique_ptr<Spawner> spawner;               ///< none: this rank starts no processes
    std::vector<Directory::RankSlots> slots;        ///< rank 0 only
    ProcessSlots own_slots;                         ///< of this rank
    std::function<void(Frame&&)> deliver_local;     ///< to the code that runs inside this rank
    std::function<void(const std::string&)> fatal;  ///< the job cannot go on
    /// On rank 0, when the job is being ended: what is unfinished.
    std::function<void(const std::string&)> report;
    /// On rank 0, who waits for what: on request, and where nobody can go on (`deadlock`). None: no
    /// such reports.
    std::function<void(const std::string&, bool deadlock)> report_waits;
    /// On rank 0: the number of the wait of the code in this rank, if it has no time limit; else 0.
    std::function<std::uint64_t()> endless_wait;
    bool looks_for_deadlock = true;
  };

  explicit Runtime(Options options);
  ~Runtime() override;

  [[nodiscard]] int rank() const { return transport_.rank(); }
  [[nodiscard]] int size() const { return transport_.size(); }
  [[nodiscard]] Words& words() { return words_; }
  /// Rank 0 only.
  [[nodiscard]] Directory* directory() { return directory_; }
  [[nodiscard]] const std::string& host(int rank) const { return transport_.host(rank); }
  /// Objects whose home is this rank.
  [[nodiscard]] std::size_t object_count() const MPX_REQUIRES(client_mutex) {
    return homes_.size();
  }

  /// Sends a frame to where it belongs. Frames to other ranks leave at the next flush() or drive().
  void route(Frame frame) MPX_REQUIRES(client_mutex);
  void flush() MPX_REQUIRES(client_mutex) { transport_.flush(); }

  /// One round: moves what can be moved; if nothing could for a while, sleeps until something
  /// happens or the deadline. `mutex` is the one that the caller holds.
  void drive(ClientMutex& mutex, Deadline deadline) MPX_REQUIRES(client_mutex);

  /// When the last drive() went to sleep; nothing if it did not.
  [[nodiscard]] std::chrono::steady_clock::time_point asleep_since() const
      MPX_REQUIRES(client_mutex) {
    return asleep_since_;
  }

  /// One round without sleeping. Returns the number of events.
  std::size_t progress() MPX_REQUIRES(client_mutex);

  /// Makes peers ring from now on, because nobody drives; a background thread sleeps in sleep().
  void unattended() MPX_REQUIRES(client_mutex);

  using Sleeper = Idle::Sleeper;
  /// Sleeps until there is something to do, and does it.
  void sleep(ClientMutex& mutex, Deadline deadline, Sleeper who) MPX_REQUIRES(client_mutex);

  /// Tells whether a thread drives, asleep or not: the background thread then keeps out of its way.
  void set_driven(bool driven) MPX_REQUIRES(client_mutex) { idle_.set_driven(driven); }

  /// Whether something needs drive() to be called soon.
  [[nodiscard]] bool busy() const MPX_REQUIRES(client_mutex) { return transport_.busy(); }
  /// Whether nothing happened for the time that a driver should go on looking.
  [[nodiscard]] bool quiet() MPX_REQUIRES(client_mutex);

  /// Makes whoever sleeps look again; from any thread.
  void interrupt();

  /// Rank 0: tells all ranks to end their processes and leave. Others: true once told.
  void begin_shutdown() MPX_REQUIRES(client_mutex);
  [[nodiscard]] bool shutting_down() const MPX_REQUIRES(client_mutex) { return shutting_down_; }
  /// Rank 0, after begin_shutdown(): whether every rank has answered.
  [[nodiscard]] bool shut_down() const MPX_REQUIRES(client_mutex) { return awaited_.empty(); }
  /// The ranks that have not, for a person to read: with host and live processes.
  [[nodiscard]] std::string shutdown_awaits() const MPX_REQUIRES(client_mutex);
  /// Rank 0: pools with work left and live processes, a line each, for a person to read.
  [[nodiscard]] std::string unfinished() const MPX_REQUIRES(client_mutex);
  /// Gives up the fork server; no process starts any more.
  std::unique_ptr<Spawner> release_spawner() { return supervisor_.release_spawner(); }

 private:
  void send(Frame frame) override MPX_REQUIRES(client_mutex) { route(std::move(frame)); }
  [[nodiscard]] static int destination(const FrameHeader& header);
  void take_in(Frame&& frame) MPX_REQUIRES(client_mutex);
  void dispatch(Frame&& frame) MPX_REQUIRES(client_mutex);
  /// There is no such rank: whoever asked is told.
  void refuse(Frame&& frame, int to) MPX_REQUIRES(client_mutex);
  void serve(Frame&& frame) MPX_REQUIRES(client_mutex);
  void add_well_known(std::vector<Directory::RankSlots> slots, bool looks_for_deadlock);
  void work_on_word(Frame&& frame) MPX_REQUIRES(client_mutex);
  void note_permits(const FrameHeader& request, std::int64_t more) MPX_REQUIRES(client_mutex);
  void wake_driver() MPX_REQUIRES(client_mutex);
  void announce() MPX_REQUIRES(client_mutex);
  void awake() MPX_REQUIRES(client_mutex);
  [[nodiscard]] Idle::Setting idle_setting() const MPX_REQUIRES(client_mutex);
  void spread_stop() MPX_REQUIRES(client_mutex);
  void heed_signals() MPX_REQUIRES(client_mutex);
  void tell_waits(const Frame& request) MPX_REQUIRES(client_mutex);
  void watch_waits(std::chrono::steady_clock::time_point now) MPX_REQUIRES(client_mutex);

  Transport& transport_;
  Words& words_;
  std::function<void(Frame&&)> deliver_local_;
  std::function<void(const std::string&)> report_;
  std::function<void(const std::string&, bool)> report_waits_;
  std::function<std::uint64_t()> endless_wait_;
  HomeTable homes_;
  Directory* directory_ = nullptr;  // rank 0 only, of homes_
  WaitWatch* waits_ = nullptr;      // the same, where it is wanted
  Supervisor supervisor_;
  UniqueFd epoll_;
  UniqueFd nudge_;         // makes a sleeper look again; in the set of epoll_
  UniqueFd driver_event_;  // wakes the driver alone: nobody else empties it
  // Frames of this rank that wait for the current one to be handled.
  std::deque<Frame> pending_ MPX_GUARDED_BY(client_mutex);
  bool dispatching_ MPX_GUARDED_BY(client_mutex) = false;
  bool shutting_down_ MPX_GUARDED_BY(client_mutex) = false;
  bool stop_spread_ MPX_GUARDED_BY(client_mutex) = false;
  std::set<int> awaited_ MPX_GUARDED_BY(client_mutex);  // on rank 0: have not answered shutdown
  Idle idle_ MPX_GUARDED_BY(client_mutex);
  std::chrono::steady_clock::time_point asleep_since_ MPX_GUARDED_BY(client_mutex){};
};

}  // namespace mpx::detail
