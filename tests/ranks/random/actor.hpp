#pragma once

#include <cstdint>
#include <exception>
#include <mpx/mpx.hpp>
#include <string>
#include <vector>

#include "ranks/random/board.hpp"
#include "ranks/random/program.hpp"

namespace mpx_random {

/// What goes through the queues and pipes of a program.
struct Item {
  int actor = kNobody;  // who made it; nobody: it must not arrive
  std::uint32_t number = 0;
  int end = -1;           // which end is in `ends`; else one of a pipe of its own
  long values = 0;        // so many are in the queue, or come by the pipe
  bool finished = false;  // the queue is closed, or the pipe's other end
  std::string body;
  std::vector<mpx::Queue<long>> queues;
  std::vector<mpx::Connection> ends;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& actor& number& end& values& finished& body& queues& ends;
  }
};

struct HeldEnd {
  int id = -1;
  mpx::Connection connection;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& id& connection;
  }
};

/// Runs the operations of one actor and notes on the board how they went.
class Actor {
 public:
  Actor(const Program& program, int index, Board& board, std::vector<mpx::Queue<Item>> queues,
        std::vector<HeldEnd> ends);

  void run();
  void close_queue(int queue);
  /// Closes the ends that it has.
  void close_ends();
  /// … or lets somebody else do so.
  std::vector<HeldEnd> take_ends() { return std::move(ends_); }
  void finish() { log_.done.store(true); }

  /// Takes what is left in a queue; then it is empty, or closed.
  void drain(int queue);
  /// An empty queue that is not closed takes as many items as it has room for, no more and no less.
  void fill(int queue);

  /// Notes an operation before and after it; `operation` fills in what it has got.
  template <class Operation>
  Outcome note(OpKind kind, int object, Operation operation) {
    return note(kind, object, 0, nullptr, operation);
  }

 private:
  template <class Operation>
  Outcome note(OpKind kind, int object, std::int64_t value, const Item* item, Operation operation) {
    auto* const record = begin(kind, object, value, item);
    if (record == nullptr) return Outcome::bad;
    auto outcome = Outcome::bad;
    try {
      outcome = operation(*record);
    } catch (const mpx::Closed&) {
      outcome = Outcome::closed;
    } catch (const mpx::ProcessLost&) {
      outcome = Outcome::lost;
    } catch (const std::exception& error) {
      fault(std::string(name_of(kind)) + " threw " + error.what());
    }
    end(*record, outcome);
    return outcome;
  }

  Record* begin(OpKind kind, int object, std::int64_t value, const Item* item);
  void end(Record& record, Outcome outcome);
  void fault(const std::string& text);

  bool perform(const Op& op);
  Item make(const Op& op, int avoid);
  void add_queue(Item& item);
  void add_pipe(Item& item);
  bool put(const Op& op);
  bool get(OpKind kind, int queue, std::int64_t limit_us);
  bool send(const Op& op);
  bool recv(const Op& op);
  bool poll(const Op& op);
  bool close_end(const Op& op);
  bool learn_put(int queue);
  bool learn_send(const Op& op);
  void took(Record& record, const Item& item);
  void use(Item item);
  void sent(const Item& item, Outcome outcome);
  void expect(bool so, const char* what);
  HeldEnd* choose(std::uint32_t target, bool readable, bool writable);

  const Program& program_;
  int index_;
  Board& board_;
  ActorLog& log_;
  std::vector<mpx::Queue<Item>> queues_;
  std::vector<HeldEnd> ends_;
  std::vector<mpx::Connection> kept_;  // other ends of pipes in items
  std::uint32_t next_number_ = 0;
};

/// What a process does. `board` is the path of one.
void run_process(std::string board, std::uint64_t seed, unsigned omit, int ranks, int process,
                 std::vector<mpx::Queue<Item>> queues, std::vector<HeldEnd> ends);

}  // namespace mpx_random
