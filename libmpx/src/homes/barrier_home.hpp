#pragma once

#include <optional>
#include <set>
#include <string>

#include "homes/wait_home.hpp"

namespace mpx::detail {

/// A barrier: the parties that wait, and its action. It needs no word: all wait but the last, who is
/// answered at once.
///
/// | event              | filling               | acting (round is full)       | broken             |
/// |--------------------|-----------------------|------------------------------|--------------------|
/// | barrier_wait       | waits; the last       | waits for the next round     | no                 |
/// |                    | completes the round   |                              |                    |
/// | … without action   | all: ok, the last one |                              |                    |
/// |                    | with index 0          |                              |                    |
/// | … with action      | the last: ok, 0, act; |                              |                    |
/// |                    | acting                |                              |                    |
/// | barrier_done well  | no (an older round)   | all: ok; filling, with those | no                 |
/// |                    |                       | of the next round            |                    |
/// | … not well         | no                    | all: no; broken              | no                 |
/// | cancel of one who  | all: no; broken       | all but the actor: no;       | –                  |
/// | waits, its death   |                       | broken                       |                    |
/// | death of the actor | –                     | all: no; broken              | –                  |
/// | bad end of another | broken                | as cancel                    | –                  |
/// | who has a handle,  |                       |                              |                    |
/// | unless told `no`   |                       |                              |                    |
/// | and not killed     |                       |                              |                    |
/// | barrier_abort      | all: no; broken       | all but the actor: no; broken| broken             |
/// | barrier_reset      | all: no; filling      | all but the actor: no;       | filling            |
/// |                    |                       | filling                      |                    |
class BarrierHome : public Home {
 public:
  /// `action` is empty if there is none; this home gives its references back.
  BarrierHome(Rank rank, std::uint64_t parties, std::optional<Payload> action)
      : rank_(rank), parties_(parties), action_(std::move(action)) {}

  void on(const FrameHeader& request, Payload payload, Outbox& out) override;
  void on_cancel(ProcessId from, std::uint64_t call, Outbox& out) override;
  void on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) override;
  void on_holder_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) override;
  void on_freed(Outbox& out) override;
  void tell(ObjectFacts& facts) const override;

  [[nodiscard]] const WaitList& waiting() const { return waiting_; }
  [[nodiscard]] bool broken() const { return !broken_.empty(); }

 private:
  void wait(const FrameHeader& request, Outbox& out);
  void done(const FrameHeader& request, std::uint64_t round, const std::string& trouble,
            Outbox& out);
  void fill(Outbox& out);
  void complete(Outbox& out);
  void break_up(const std::string& reason, Outbox& out);
  void turn_away(const std::string& reason, Outbox& out);
  void say_no(const FrameHeader& request, const std::string& reason, Outbox& out);

  Rank rank_;
  std::uint64_t parties_;
  std::optional<Payload> action_;
  WaitList waiting_;                // in the order of coming; of the round, and of the next
  std::optional<ProcessId> actor_;  // runs the action of the round; it does not wait
  std::uint64_t round_ = 0;         // of the actor's; every round has another number
  std::string broken_;              // why; empty: it is not
  // Were told that it is broken, and have not waited since: if they end with an error, that is why.
  std::set<ProcessId> told_;
};

}  // namespace mpx::detail
