#include "ranks/random/actor.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>
#include <utility>

namespace mpx_random {
namespace {

using std::chrono::microseconds;

constexpr int kMostProbes = 20'000;                   // of 1000 bytes: by then one is refused
constexpr auto kPatience = std::chrono::seconds(10);  // where what is gone has still to be noticed

std::string body_of(int actor, std::uint32_t number, std::size_t bytes) {
  return std::string(bytes,
                     static_cast<char>('a' + (static_cast<std::uint32_t>(actor) + number) % 26));
}

long value_of(int actor, std::uint32_t number, long i) {
  return actor * 1'000'000L + number * 100L + i;
}

/// Calls `send` with an item that must not arrive until it throws, as it must; 0 or more times.
template <class Send>
Outcome learn(Record& record, Send send) {
  Item item;
  item.body = std::string(1000, 'p');
  const auto until = std::chrono::steady_clock::now() + kPatience;
  for (record.value = 0;; ++record.value) {
    if (record.value >= kMostProbes) {
      if (std::chrono::steady_clock::now() > until) return Outcome::none;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    send(item);
  }
}

}  // namespace

Actor::Actor(const Program& program, int index, Board& board, std::vector<mpx::Queue<Item>> queues,
             std::vector<HeldEnd> ends)
    : program_(program),
      index_(index),
      board_(board),
      log_(board.actors[static_cast<std::size_t>(index)]),
      queues_(std::move(queues)),
      ends_(std::move(ends)) {}

Record* Actor::begin(OpKind kind, int object, std::int64_t value, const Item* item) {
  const auto count = log_.count.load();
  if (count >= kMostRecords) return nullptr;
  auto& record = log_.records[count];
  record.kind = kind;
  record.object = static_cast<std::int16_t>(object);
  record.value = value;
  // The memory was zero.
  record.from_actor = kNobody;
  record.moved_end = static_cast<std::int16_t>(item != nullptr ? item->end : -1);
  if (item != nullptr) {
    record.number = item->number;
    record.bytes = static_cast<std::uint32_t>(item->body.size());
  }
  record.begin = now_ns();
  log_.count.store(count + 1);
  ++log_.steps;
  return &record;
}

void Actor::end(Record& record, Outcome outcome) {
  record.end = now_ns();
  record.outcome.store(outcome);
  ++log_.steps;
}

void Actor::fault(const std::string& text) {
  if (log_.faulty.load()) return;  // the first is the one to look at
  std::snprintf(log_.fault.data(), log_.fault.size(), "%s", text.c_str());
  log_.faulty.store(true);
}

void Actor::expect(bool so, const char* what) {
  if (!so) fault(what);
}

void Actor::run() {
  for (const auto& op : program_.actors[static_cast<std::size_t>(index_)].ops) {
    for (int i = 0; i < op.count && perform(op); ++i) {
    }
  }
  log_.over.store(true);
}

bool Actor::perform(const Op& op) {
  const auto queue = static_cast<int>(op.target);
  switch (op.kind) {
    case OpKind::put:
    case OpKind::try_put:
    case OpKind::try_put_for:
      return put(op);
    case OpKind::get:
    case OpKind::try_get:
    case OpKind::try_get_for:
      return get(op.kind, queue, op.limit_us);
    case OpKind::size:
      note(op.kind, queue, [&](Record& record) {
        record.value = static_cast<std::int64_t>(queues_[op.target].size());
        return Outcome::ok;
      });
      return true;
    case OpKind::flush:
      return note(op.kind, queue, [&](Record&) {
               queues_[op.target].flush();
               return Outcome::ok;
             }) == Outcome::ok;
    case OpKind::close_queue:
      close_queue(queue);
      return true;
    case OpKind::learn_put:
      return learn_put(queue);
    case OpKind::send:
      return send(op);
    case OpKind::recv:
      return recv(op);
    case OpKind::poll:
    case OpKind::poll_for:
      return poll(op);
    case OpKind::close_end:
      return close_end(op);
    case OpKind::learn_send:
      return learn_send(op);
    case OpKind::sleep:
      note(op.kind, -1, op.limit_us, nullptr, [&](Record&) {
        std::this_thread::sleep_for(microseconds(op.limit_us));
        return Outcome::ok;
      });
      return true;
    case OpKind::kill_self:
      note(op.kind, -1, [](Record&) {
        ::raise(SIGKILL);
        return Outcome::ok;
      });
      return true;
    default:
      return false;
  }
}

Item Actor::make(const Op& op, int avoid) {
  Item item;
  item.actor = index_;
  item.number = next_number_++;
  item.body = body_of(index_, item.number, op.bytes);
  if (op.cargo == Cargo::queue) add_queue(item);
  if (op.cargo == Cargo::pipe) add_pipe(item);
  if (op.cargo == Cargo::end && !ends_.empty()) {
    const auto& held = ends_[item.number % ends_.size()];
    if (held.id / 2 == avoid / 2 && avoid >= 0) return item;  // not through its own pipe
    item.end = held.id;
    item.ends.push_back(held.connection);
    board_.where[static_cast<std::size_t>(held.id)].store(kInFlight);
  }
  return item;
}

void Actor::add_queue(Item& item) {
  note(OpKind::inner, -1, [&](Record&) {
    mpx::QueueOptions options;
    if (item.number % 2 == 0) options.home = program_.queues.front().home;
    const mpx::Queue<long> inner(options);
    item.values = item.number % 40;
    for (long i = 0; i < item.values; ++i) inner.put(value_of(index_, item.number, i));
    item.finished = item.number % 3 == 0;
    if (item.finished) inner.close();
    item.queues.push_back(inner);
    return Outcome::ok;
  });
}

void Actor::add_pipe(Item& item) {
  note(OpKind::inner, -1, [&](Record&) {
    const bool turned = item.number % 2 == 0;
    auto [receiver, sender] = turned ? mpx::pipe(mpx::simplex) : mpx::pipe();
    item.values = item.number % 40;
    for (long i = 0; i < item.values; ++i) sender.send(value_of(index_, item.number, i));
    item.finished = item.number % 3 == 0;
    if (item.finished)
      sender.close();
    else
      kept_.push_back(sender);
    item.ends.push_back(receiver);
    return Outcome::ok;
  });
}

/// After a put or send: who has the end that was in it.
void Actor::sent(const Item& item, Outcome outcome) {
  if (item.end < 0) return;
  if (outcome != Outcome::ok) {
    board_.where[static_cast<std::size_t>(item.end)].store(index_);
    return;
  }
  note(OpKind::inner, -1, [&](Record&) {
    std::erase_if(ends_, [&](const HeldEnd& held) { return held.id == item.end; });
    return Outcome::ok;
  });
}

bool Actor::put(const Op& op) {
  const auto& queue = queues_[op.target];
  auto item = make(op, -1);
  const auto outcome = note(op.kind, static_cast<int>(op.target), op.limit_us, &item, [&](Record&) {
    bool put = true;
    if (op.kind == OpKind::put) queue.put(item);
    if (op.kind == OpKind::try_put) put = queue.try_put(item);
    if (op.kind == OpKind::try_put_for) put = queue.try_put_for(item, microseconds(op.limit_us));
    return put ? Outcome::ok : Outcome::none;
  });
  const Item rest = std::exchange(item, {});
  sent(rest, outcome);
  return outcome == Outcome::ok;
}

bool Actor::get(OpKind kind, int index, std::int64_t limit_us) {
  const auto& queue = queues_[static_cast<std::size_t>(index)];
  std::optional<Item> item;
  const auto outcome = note(kind, index, limit_us, nullptr, [&](Record& record) {
    if (kind == OpKind::get) item = queue.get();
    if (kind == OpKind::try_get) item = queue.try_get();
    if (kind == OpKind::try_get_for) item = queue.try_get_for(microseconds(limit_us));
    if (!item) return Outcome::none;
    took(record, *item);
    return Outcome::ok;
  });
  if (outcome == Outcome::ok) use(std::move(*item));
  return outcome == Outcome::ok;
}

void Actor::took(Record& record, const Item& item) {
  record.from_actor = static_cast<std::int16_t>(item.actor);
  record.number = item.number;
  record.bytes = static_cast<std::uint32_t>(item.body.size());
  record.moved_end = static_cast<std::int16_t>(item.end);
  if (item.end >= 0) board_.where[static_cast<std::size_t>(item.end)].store(index_);
}

/// Takes over the end in an item, or looks at what its own queue or pipe holds.
void Actor::use(Item item) {
  if (item.actor == kNobody) return fault("an item arrived that was put to what was closed");
  expect(item.body == body_of(item.actor, item.number, item.body.size()), "the body of an item");
  if (item.end >= 0) {
    expect(item.ends.size() == 1, "an item lacks its end");
    for (const auto& end : item.ends) ends_.push_back({item.end, end});
    return;
  }
  if (item.queues.empty() && item.ends.empty()) return;
  note(OpKind::inner, -1, [&](Record&) {
    const auto value = [&](long i) { return value_of(item.actor, item.number, i); };
    for (const auto& queue : item.queues) {
      for (long i = 0; i < item.values; ++i)
        expect(queue.get() == value(i), "the queue in an item has other values");
      try {
        expect(!queue.try_get(), "the queue in an item has more values");
        expect(!item.finished, "the closed queue in an item is not closed");
      } catch (const mpx::Closed&) {
        expect(item.finished, "the queue in an item is closed");
      }
    }
    for (const auto& end : item.ends) {
      for (long i = 0; i < item.values; ++i)
        expect(end.recv<long>() == value(i), "the pipe in an item brings other values");
      if (!item.finished && !end.poll_for(microseconds(item.number * 10))) continue;
      try {
        static_cast<void>(end.recv<long>());
        fault("the pipe in an item brings more values");
      } catch (const mpx::Closed&) {
      } catch (const mpx::ProcessLost&) {
        expect(!item.finished, "the other end of the pipe in an item was closed, not lost");
      }
    }
    item = {};  // gives them up
    return Outcome::ok;
  });
}

HeldEnd* Actor::choose(std::uint32_t target, bool readable, bool writable) {
  std::vector<HeldEnd*> fit;
  for (auto& held : ends_) {
    const auto& plan = program_.ends[static_cast<std::size_t>(held.id)];
    if ((!readable || plan.readable) && (!writable || plan.writable)) fit.push_back(&held);
  }
  return fit.empty() ? nullptr : fit[target % fit.size()];
}

bool Actor::send(const Op& op) {
  const auto* const held = choose(op.target, false, true);
  if (held == nullptr) return false;
  const auto connection = held->connection;
  const auto id = held->id;
  auto item = make(op, id);
  const auto outcome = note(op.kind, id, 0, &item, [&](Record&) {
    connection.send(item);
    return Outcome::ok;
  });
  const Item rest = std::exchange(item, {});
  sent(rest, outcome);
  return outcome == Outcome::ok;
}

bool Actor::recv(const Op& op) {
  const auto* const held = choose(op.target, true, false);
  if (held == nullptr) return false;
  // Nobody could end a wait of the main process for one of its own ends.
  if (index_ == 0 &&
      !poll(Op{.kind = OpKind::poll_for, .target = op.target, .limit_us = op.limit_us}))
    return false;
  const auto connection = held->connection;
  std::optional<Item> item;
  const auto outcome = note(OpKind::recv, held->id, [&](Record& record) {
    item = connection.recv<Item>();
    took(record, *item);
    return Outcome::ok;
  });
  if (outcome == Outcome::ok) use(std::move(*item));
  return outcome == Outcome::ok;
}

bool Actor::poll(const Op& op) {
  const auto* const held = choose(op.target, true, false);
  if (held == nullptr) return false;
  return note(op.kind, held->id, op.limit_us, nullptr, [&](Record&) {
           const bool ready = op.kind == OpKind::poll
                                  ? held->connection.poll()
                                  : held->connection.poll_for(microseconds(op.limit_us));
           return ready ? Outcome::ok : Outcome::none;
         }) == Outcome::ok;
}

bool Actor::close_end(const Op& op) {
  auto* const held = choose(op.target, false, false);
  if (held == nullptr) return false;
  const auto id = held->id;
  note(OpKind::close_end, id, [&](Record&) {
    // By name, or by its last handle; the main process may have another.
    if (op.target % 3 != 0 && index_ != 0) held->connection.close();
    std::erase_if(ends_, [&](const HeldEnd& other) { return other.id == id; });
    --board_.holders[static_cast<std::size_t>(id)];
    board_.where[static_cast<std::size_t>(id)].store(kNobody);
    return Outcome::ok;
  });
  return true;
}

void Actor::close_ends() {
  while (close_end(Op{.kind = OpKind::close_end})) {
  }
}

void Actor::close_queue(int index) {
  const auto at = static_cast<std::size_t>(index);
  note(OpKind::close_queue, index, [&](Record&) {
    board_.queue_closing[at].store(true);
    queues_[at].close();
    board_.queue_closed[at].store(true);
    return Outcome::ok;
  });
}

/// Puts to a queue that has been closed: this is told soon, and at the latest by flush().
bool Actor::learn_put(int index) {
  const auto at = static_cast<std::size_t>(index);
  if (!board_.queue_closed[at].load()) return false;
  note(OpKind::learn_put, index, [&](Record& record) {
    const auto& queue = queues_[at];
    return learn(record, [&](const Item& item) {
      if (record.value == kMostProbes) queue.flush();
      if (record.value % 3 == 0) return queue.put(item);
      if (record.value % 3 == 1)
        return expect(queue.try_put(item), "a closed queue is said to be full");
      // Its time limit may pass before the answer.
      static_cast<void>(queue.try_put_for(item, microseconds(100)));
    });
  });
  return true;
}

/// The same with an end whose other end is gone.
bool Actor::learn_send(const Op& op) {
  const auto* const held = choose(op.target, false, true);
  if (held == nullptr || board_.holders[static_cast<std::size_t>(held->id ^ 1)].load() != 0)
    return false;
  const auto connection = held->connection;
  note(OpKind::learn_send, held->id, [&](Record& record) {
    return learn(record, [&](const Item& item) { connection.send(item); });
  });
  return true;
}

void Actor::drain(int queue) {
  while (get(OpKind::try_get, queue, 0)) {
  }
  close_ends();
}

void Actor::fill(int index) {
  const auto at = static_cast<std::size_t>(index);
  const auto& plan = program_.queues[at];
  // How many items a budget of some bytes has room for, is not said.
  const bool one = plan.budget_bytes == 1;
  if (board_.queue_closing[at].load() || plan.capacity == 0) return;
  if (!one && plan.budget_bytes < 4096) return;
  note(OpKind::fill, index, [&](Record&) {
    const auto& queue = queues_[at];
    const auto room = one ? 1 : plan.capacity;
    for (std::size_t i = 0; i < room; ++i)
      expect(queue.try_put(Item{}), "an empty queue has less room than its capacity");
    expect(!queue.try_put(Item{}), "a full queue lets another item in");
    queue.close();
    for (std::size_t i = 0; i < room; ++i)
      expect(queue.get().actor == kNobody, "a filled queue gave something else");
    try {
      expect(!queue.try_get(), "a filled queue has more items than were put");
      fault("a closed queue is not closed");
    } catch (const mpx::Closed&) {
    }
    return Outcome::ok;
  });
}

void run_process(std::string path, std::uint64_t seed, unsigned omit, int ranks, int process,
                 std::vector<mpx::Queue<Item>> queues, std::vector<HeldEnd> ends) {
  const SharedBoard board(path);
  const auto program = draw(seed, omit, ranks);
  const auto& plan = program.processes[static_cast<std::size_t>(process)];
  std::vector<Actor> actors;
  for (const auto index : plan.actors) {
    std::vector<HeldEnd> its;
    for (const auto& end : ends) {
      if (program.ends[static_cast<std::size_t>(end.id)].actor == index) its.push_back(end);
    }
    actors.emplace_back(program, index, *board, queues, std::move(its));
  }
  ends.clear();
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < actors.size(); ++i)
      threads.emplace_back([&actors, i] { actors[i].run(); });
    actors[0].run();
  }
  static auto* const left_open = new std::vector<HeldEnd>;  // beyond all destructors
  for (auto& actor : actors) {
    if (plan.leaves_ends)
      for (auto& end : actor.take_ends()) left_open->push_back(std::move(end));
    else
      actor.close_ends();
    actor.finish();
  }
  if (plan.status) mpx::exit(*plan.status);
}

}  // namespace mpx_random
