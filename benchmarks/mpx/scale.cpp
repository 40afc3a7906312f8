// What rank 0 does for an event, by the number of simulated processes, ranks or items: the state
// machines alone, without messages; and how busy so many slots are kept by one rank 0, in a simulation
// that charges for each message what it costs.
#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <memory>
#include <mpx/mpx.hpp>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/bench.hpp"
#include "core/claims.hpp"
#include "core/item_block.hpp"
#include "homes/directory.hpp"
#include "homes/pool_home.hpp"
#include "homes/queue_home.hpp"

namespace {

using namespace mpx::detail;

constexpr std::uint64_t kFunction = 1;

/// Counts what a home sends, and hands it to whoever cares.
struct Sink : Outbox {
  void send(Frame frame) override {
    ++sent;
    if (handler) handler(frame);
  }
  std::uint64_t sent = 0;
  std::function<void(const Frame&)> handler;
};

FrameHeader request(Kind kind, ProcessId from, std::uint64_t call = 0) {
  FrameHeader header;
  header.kind = kind;
  header.from = from;
  header.call = call;
  return header;
}

/// A pool of so many processes on as many slots, which know what they have been handed.
struct Farm {
  struct Units {
    std::uint64_t batch, next, end;
  };
  struct Worker {
    ProcessId id;
    std::deque<Units> units;
    bool recalled = false;
  };

  explicit Farm(std::size_t processes)
      : directory({{"node", processes, 0}}),
        pool(ObjectId{0, 1, owner}, owner, directory,
             PoolSettings{processes, 0, 1, "Pool", {}, {}}) {
    workers.reserve(processes);
    out.handler = [this](const Frame& frame) { take_in(frame); };
    pool.on(request(Kind::pool_open, owner, 1), {}, out);
    pool.on(request(Kind::pool_function, owner), {Packer::pack(kFunction), {}}, out);
    for (std::size_t i = 0; i < workers.size(); ++i)
      pool.on(request(Kind::pool_ready, workers[i].id), {}, out);
  }

  void submit(std::uint64_t batch, std::uint64_t units, std::uint64_t chunk) {
    PoolSubmission head;
    head.batch = batch;
    head.function = kFunction;
    head.count = units;
    head.chunk = chunk;
    head.each = 8;
    Packer body;
    body.put(head);
    const std::vector<std::byte> elements(units * 8);
    body.put_raw(elements.data(), elements.size());
    pool.on(request(Kind::pool_submit, owner, 1 + batch), {std::move(body).take(), {}}, out);
  }

  /// A process has finished its next `count` units, in `each_ns` nanoseconds each.
  void finish(Worker& worker, std::uint64_t count, std::uint64_t each_ns) {
    Packer body;
    const auto all = count;
    while (count > 0) {
      auto& front = worker.units.front();
      const auto part = std::min(count, front.end - front.next);
      body.put(PoolRecord{front.batch, front.next, 0, static_cast<std::uint32_t>(part)});
      front.next += part;
      count -= part;
      if (front.next == front.end) worker.units.pop_front();
    }
    pool.on(request(Kind::pool_done, worker.id, all * each_ns), {std::move(body).take(), {}}, out);
  }

  /// A recall takes what the process has not begun.
  void answer_recall(Worker& worker) {
    worker.recalled = false;
    std::uint32_t back = 0;
    while (!worker.units.empty()) {
      auto& last = worker.units.back();
      const auto kept = worker.units.size() == 1 ? std::min(last.next + 1, last.end) : last.next;
      back += static_cast<std::uint32_t>(last.end - kept);
      last.end = kept;
      if (worker.units.size() == 1) break;
      worker.units.pop_back();
    }
    pool.on(request(Kind::recalled, worker.id), {Packer::pack(back), {}}, out);
  }

  void take_in(const Frame& frame) {
    if (frame.header.kind == Kind::spawn) {
      index[frame.header.to] = workers.size();
      workers.push_back({frame.header.to, {}});
      return;
    }
    const auto found = index.find(frame.header.to);
    if (found == index.end()) return;
    auto& worker = workers[found->second];
    if (frame.header.kind == Kind::recall) {
      worker.recalled = true;
    } else if (frame.header.kind == Kind::pool_tasks) {
      Unpacker in(frame.body);
      const auto count = in.get<ClaimStamp>().count;
      const auto tasks = in.get<PoolTasks>();
      worker.units.push_back({1, tasks.first, tasks.first + count});
    } else {
      return;
    }
    if (told) told(worker);
  }

  const ProcessId owner{0, 0};
  Sink out;
  Directory directory;
  std::vector<Worker> workers;
  std::unordered_map<ProcessId, std::size_t> index;
  std::function<void(Worker&)> told;
  PoolHome pool;
};

double pool_done_us(std::size_t processes, std::size_t events) {
  Farm farm(processes);
  farm.submit(1, 2 * processes + 2 * events, 1);
  std::size_t at = 0;
  const auto next = [&]() -> Farm::Worker& { return farm.workers[at++ % processes]; };
  for (std::size_t i = 0; i < std::min(events, processes); ++i) farm.finish(next(), 1, 1'000'000);
  return bench::seconds([&] {
           for (std::size_t i = 0; i < events; ++i) farm.finish(next(), 1, 1'000'000);
         }) *
         1e6 / static_cast<double>(events);
}

double place_us(std::size_t ranks, std::size_t events) {
  Sink out;
  Directory directory(std::vector<Directory::RankSlots>(ranks, {"node", 2, 0}));
  StartRequest wanted;
  wanted.name = "p";
  wanted.parent = ProcessId(0, 0);
  ProcessFacts facts;
  std::deque<ProcessId> alive;
  const auto start = [&] {
    ProcessId id;
    directory.start(wanted, {}, nullptr, {}, id, out);
    alive.push_back(id);
  };
  for (std::size_t i = 0; i < ranks; ++i) start();
  return bench::seconds([&] {
           for (std::size_t i = 0; i < events; ++i) {
             start();
             directory.on_ended(alive.front(), facts, out);
             alive.pop_front();
           }
         }) *
         1e6 / static_cast<double>(events);
}

/// A put of ten items and ten gets, with so many items waiting, or so many consumers.
double queue_us(std::size_t items, std::size_t consumers, std::size_t events) {
  const ObjectId self{0, 1, ProcessId(0, 0)};
  Sink out;
  QueueHome queue(self, 0, std::size_t{1} << 40);
  Bytes units;
  const Bytes item(8);
  for (int i = 0; i < 10; ++i) ItemBlock::append(units, item, 0);
  std::size_t at = 0;
  std::vector<std::uint32_t> taken(consumers);
  const auto put = [&] {
    queue.on(request(Kind::queue_puts, ProcessId(0, 1)), {Bytes(units), {}}, out);
  };
  const auto get = [&] {
    const auto who = at++ % consumers;
    constexpr std::uint32_t kWant = 1;
    const std::uint16_t slot = 1;
    queue.on(request(Kind::queue_get, ProcessId(1, 2 + who), at),
             {Packer::pack(kWant, slot, taken[who]++), {}}, out);
  };
  for (std::size_t i = 0; i < items; i += 10) put();
  for (std::size_t i = 0; items == 0 && i < consumers; ++i) get();
  return bench::seconds([&] {
           for (std::size_t i = 0; i < events; ++i) {
             put();
             for (int j = 0; j < 10; ++j) get();
           }
         }) *
         1e6 / static_cast<double>(events);
}

/// Virtual time in which so many slots work off 20 tasks each of `task_s`, against the best there is.
double efficiency(std::size_t slots, double task_s) {
  constexpr double kMessage =
      1.5e-6;                     // rank 0 takes in a message, or sends one: `peers`, a core each
  constexpr double kWay = 20e-6;  // one way over a network: `pipe` between nodes
  constexpr double kFlush = 200e-6;  // a process gathers results for so long: PoolProcess
  struct Event {
    double time;
    std::size_t worker;
    enum class What { finished, brought, handed, recalled } what;
    std::uint64_t units;
    bool operator<(const Event& other) const { return time > other.time; }
  };
  using What = Event::What;
  Farm farm(slots);
  std::priority_queue<Event> events;
  double home_free = 0, now = 0;
  std::vector<char> works(slots);
  std::vector<std::uint64_t> done(slots);  // finished, not brought
  const auto tasks_ns = static_cast<std::uint64_t>(task_s * 1e9);
  // A home's message leaves when the home has done all that came before it.
  farm.told = [&](Farm::Worker& worker) {
    const auto at = static_cast<std::size_t>(&worker - farm.workers.data());
    home_free = std::max(home_free, now) + kMessage;
    events.push({home_free + kWay, at, worker.recalled ? What::recalled : What::handed, 0});
  };
  const auto begin = [&](std::size_t at) {
    auto& worker = farm.workers[at];
    std::uint64_t has = 0;
    for (const auto& units : worker.units) has += units.end - units.next;
    has -= std::min(has, done[at]);
    if (has == 0 || std::exchange(works[at], 1) != 0) return;
    const auto together =
        std::clamp<std::uint64_t>(static_cast<std::uint64_t>(kFlush / task_s), 1, has);
    events.push({now + task_s * static_cast<double>(together), at, What::finished, together});
  };
  farm.submit(1, 20 * slots, 0);
  double last = 0;
  while (!events.empty()) {
    const auto event = events.top();
    events.pop();
    now = event.time;
    auto& worker = farm.workers[event.worker];
    switch (event.what) {
      case What::handed:
        begin(event.worker);
        break;
      case What::finished:
        works[event.worker] = 0;
        done[event.worker] += event.units;
        last = now;
        events.push({now + kWay, event.worker, What::brought, event.units});
        begin(event.worker);
        break;
      case What::brought:
        home_free = std::max(home_free, now) + kMessage;
        done[event.worker] -= event.units;
        farm.finish(worker, event.units, tasks_ns);
        break;
      case What::recalled:
        if (!worker.recalled || done[event.worker] != 0 || works[event.worker] > 1) {
          if (worker.recalled) events.push({now + kWay, event.worker, What::recalled, 0});
          break;
        }
        home_free = std::max(home_free, now + kWay) + kMessage;
        farm.answer_recall(worker);
        break;
    }
  }
  return 20 * task_s / last;
}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [&] {
    const bool quick = bench::quick(argc, argv);
    const std::size_t events = quick ? 100 : 200'000;
    for (long size = 100; size <= (quick ? 100 : 100'000); size *= 10) {
      const auto many = static_cast<std::size_t>(size);
      bench::emit("scale_pool", "mpx", size, "event", "us", pool_done_us(many, events));
      bench::emit("scale_place", "mpx", size, "event", "us", place_us(many, events));
      bench::emit("scale_items", "mpx", size, "event", "us", queue_us(many, 1, events / 10));
      bench::emit("scale_consumers", "mpx", size, "event", "us", queue_us(0, many, events / 10));
    }
    for (const long slots :
         quick ? std::vector<long>{100} : std::vector<long>{1000, 10'000, 100'000}) {
      for (const double task_s : {0.001, 0.01, 0.1, 1.0, 10.0}) {
        const auto name = "scale_efficiency_" + std::to_string(std::lround(task_s * 1000)) + "ms";
        bench::emit(name.c_str(), "mpx", slots, "efficiency", "%",
                    100 * efficiency(static_cast<std::size_t>(slots), task_s));
      }
    }
  });
}
