#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "homes/home.hpp"

namespace mpx::detail {

/// All processes of the job and the slots they run in: a well-known object.
///
/// Placement: the least loaded rank with a free slot, else the least loaded in proportion to its
/// slots, so starting more processes than slots never waits.
///
/// Cost: of a start and an end, the logarithm of the number of ranks; of the first start on a host that
/// is named, a look at each.
class Directory : public Home {
 public:
  struct RankSlots {
    std::string host;
    std::size_t slots = 0;
    std::size_t live = 0;
    bool starts = true;  ///< has a fork server
  };
  /// Told when a process that it started changes: the home of the Process object or of the pool.
  class Observer {
   public:
    virtual ~Observer() = default;
    /// With facts.trouble it could not be started, and has ended.
    virtual void on_spawned(ProcessId id, const ProcessFacts& facts, Outbox& out) = 0;
    virtual void on_process_ended(ProcessId id, const ProcessFacts& facts, Outbox& out) = 0;
    /// For which it has attended is about to end in good order.
    virtual void on_leaving(Outbox& /*out*/) {}
  };

  explicit Directory(std::vector<RankSlots> ranks);
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  /// Process slots of the whole job, at least 1.
  [[nodiscard]] std::size_t slot_count() const { return slot_count_; }
  [[nodiscard]] const std::vector<RankSlots>& ranks() const { return ranks_; }

  /// Chooses a place and has the process started there. `object` (may be empty) is its Process
  /// object. Sets `id`. Returns a text if the request cannot be met; nothing else happens then.
  std::string start(StartRequest request, const ObjectId& object, Observer* observer, Payload call,
                    ProcessId& id, Outbox& out);
  void on(const FrameHeader& request, Payload payload, Outbox& out) override;
  void on_ended(ProcessId id, const ProcessFacts& facts, Outbox& out) override;
  /// The home of `object`, which lives only for `owner`, ends before it.
  void attend(ProcessId owner, const ObjectId& object, Observer* observer);
  void attend_no_more(ProcessId owner, const ObjectId& object);
  /// The observer of this process is gone.
  void forget(ProcessId id);
  void signal(ProcessId id, std::int32_t signo, Outbox& out, const FrameHeader& request = {}) const;

  [[nodiscard]] std::size_t live() const { return records_.size(); }
  /// The live processes of a rank.
  [[nodiscard]] std::vector<std::string> names_on(int rank) const;
  /// All live processes, those that are being started included.
  [[nodiscard]] std::vector<std::pair<ProcessId, ProcessFacts>> processes() const;

 private:
  struct Record {
    ProcessFacts facts;
    StartRequest request;
    ObjectId object;
    Observer* observer = nullptr;
  };

  /// The live children of a process, without those of a pool, which ends them itself.
  struct Family {
    std::set<ProcessId> daemons, others;
    std::vector<FrameHeader> awaiting;  // the end of the others
    std::map<ObjectId, Observer*> attending;
    [[nodiscard]] bool empty() const {
      return daemons.empty() && others.empty() && attending.empty();
    }
  };

  /// By how willingly a rank takes one more process, the first first.
  struct Willing {
    const std::vector<RankSlots>& ranks;
    bool operator()(int a, int b) const;
  };
  using Candidates = std::set<int, Willing>;  // ranks that start processes

  void on_spawned(ProcessId id, int pid, const std::string& trouble, Outbox& out);
  void await_children(const FrameHeader& request, Outbox& out);
  void list_children(const FrameHeader& request, Outbox& out) const;
  [[nodiscard]] std::string place(const StartRequest& request, int& rank);
  [[nodiscard]] const Candidates& on_host(const std::string& host);
  [[nodiscard]] std::vector<ProcessId> live_in_order() const;
  /// One more process on a rank (1), or one less (−1).
  void load(int rank, int more);
  [[nodiscard]] std::string hosts() const;
  void leave_family(ProcessId child, const StartRequest& request, Outbox& out);

  std::vector<RankSlots> ranks_;
  std::size_t slot_count_ = 0;
  Candidates candidates_;
  std::unordered_map<std::string, Candidates> on_host_;  // of hosts that were asked for
  std::unordered_map<ProcessId, Record> records_;        // live processes only
  std::unordered_map<ProcessId, Family> families_;  // by parent; of those who live, none is empty
  std::unordered_map<int, std::uint64_t> serials_;
};

}  // namespace mpx::detail
