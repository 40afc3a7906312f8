#include "runtime/runtime.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/log.hpp"
#include "homes/name_table.hpp"
#include "homes/object_kinds.hpp"
#include "mpx/error.hpp"
#include "processes/stop_signal.hpp"
#include "wire/well_known.hpp"

namespace mpx::detail {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

}  // namespace

Runtime::Runtime(Options options)
    : transport_(*options.transport),
      words_(*options.words),
      deliver_local_(std::move(options.deliver_local)),
      report_(std::move(options.report)),
      report_waits_(std::move(options.report_waits)),
      endless_wait_(std::move(options.endless_wait)),
      homes_([this](const FrameHeader& request, Payload arguments, Outbox& out) {
        return make_home(request, arguments, {rank(), words_, directory_}, out);
      }),
      supervisor_(transport_.rank(), transport_.host(transport_.rank()), nullptr,
                  [this](Frame&& frame) MPX_REQUIRES(client_mutex) { route(std::move(frame)); }),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      nudge_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      driver_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      idle_(idle_setting()) {
  const auto watch = [this](int fd, bool add) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    // Level-triggered: a process's socket stays readable at its end, hence taken out then.
    ::epoll_ctl(epoll_.get(), add ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &event);
  };
  watch(transport_.doorbell(), true);
  watch(nudge_.get(), true);
  if (options.spawner) watch(options.spawner->socket(), true);
  supervisor_.adopt(std::move(options.spawner));
  supervisor_.set_slots(std::move(options.own_slots));
  supervisor_.watch = watch;
  supervisor_.fatal = std::move(options.fatal);
  if (rank() == 0) add_well_known(std::move(options.slots), options.looks_for_deadlock);
  wake_on_signals(nudge_.get());
}

void Runtime::add_well_known(std::vector<Directory::RankSlots> slots, bool looks_for_deadlock) {
  // In this order they are told of a death: what others start for it finds the slot free.
  directory_ = &homes_.add(kDirectory, std::make_unique<Directory>(std::move(slots)));
  const auto& names = homes_.add(kNameTable, std::make_unique<NameTable>());
  if (!report_waits_) return;
  WaitWatch::Settings settings;
  for (int r = 0; r < size(); ++r) settings.hosts.push_back(host(r));
  settings.looks = looks_for_deadlock;
  settings.processes = [this] { return directory_->processes(); };
  settings.names = [&names] { return names.objects(); };
  waits_ = &homes_.add(kWaitWatch, std::make_unique<WaitWatch>(std::move(settings)));
}

Idle::Setting Runtime::idle_setting() const {
  Idle::Setting setting;
  setting.cores = std::max(1, static_cast<int>(usable_cpus().size()));
  setting.node_ranks = 0;
  for (int r = 0; r < size(); ++r) {
    setting.node_ranks += transport_.same_node(r) ? 1 : 0;
    setting.far_words |= !transport_.same_node(r) && words_.reaches(r);
  }
  setting.all_ring = !transport_.needs_timer();
  return setting;
}

Runtime::~Runtime() { wake_on_signals(-1); }

void Runtime::route(Frame frame) {
  // A home's answer must not come back into the middle of what it is doing: one frame at a time.
  if (dispatching_) {
    // What goes to another rank need not wait, unless it would overtake.
    if (pending_.empty() && destination(frame.header) != rank()) return dispatch(std::move(frame));
    pending_.push_back(std::move(frame));
    return;
  }
  dispatching_ = true;
  std::exception_ptr trouble;  // what one frame sets off must not keep the others from their homes
  while (true) {
    try {
      dispatch(std::move(frame));
    } catch (...) {
      if (!trouble) trouble = std::current_exception();
    }
    if (pending_.empty()) break;
    frame = std::move(pending_.front());
    pending_.pop_front();
  }
  dispatching_ = false;
  if (trouble) std::rethrow_exception(trouble);
}

// A message that its home cannot handle is the sender's trouble, not that of this rank's thread.
void Runtime::take_in(Frame&& frame) {
  const auto header = frame.header;
  try {
    route(std::move(frame));
  } catch (const TransportError&) {
    throw;
  } catch (const std::exception& error) {
    log_error("a message of kind {} from {} is dropped: {}", static_cast<int>(header.kind),
              to_string(header.from), error.what());
  }
}

int Runtime::destination(const FrameHeader& header) {
  return is_for_home(header.kind) ? header.object.home : header.to.rank().number();
}

void Runtime::dispatch(Frame&& frame) {
  const auto& header = frame.header;
  const int to = destination(header);
  if (to != rank()) {
    if (to < 0 || to >= size()) return refuse(std::move(frame), to);
    return transport_.send(to, std::move(frame));
  }
  if (is_for_home(header.kind)) return homes_.on(std::move(frame), *this);
  if (is_service(header.kind)) return serve(std::move(frame));
  if (header.to.is_rank()) {
    if (deliver_local_) deliver_local_(std::move(frame));
    return wake_driver();
  }
  supervisor_.deliver(std::move(frame));
}

void Runtime::refuse(Frame&& frame, int to) {
  const auto header = frame.header;
  const auto trouble =
      fmt::format("there is no rank {}: this job has the ranks 0 to {}", to, size() - 1);
  for (const auto& reference : listed_references(frame))
    route(make_frame(count_header(Kind::drop_flight, reference), {}));
  if (header.call != 0 && header.kind != Kind::reply)
    return reply(header, Status::usage, Packer::pack(trouble));
  log_error("a message of kind {} is dropped: {}", static_cast<int>(header.kind), trouble);
}

void Runtime::serve(Frame&& frame) {
  const auto header = frame.header;
  switch (header.kind) {
    case Kind::spawn:
      return supervisor_.spawn(std::move(frame));
    case Kind::process_ended:
      return homes_.on_ended(header.from, Unpacker(frame.body).get<ProcessFacts>(), *this);
    case Kind::signal:
      return supervisor_.signal(header, Unpacker(frame.body).get<std::int32_t>());
    case Kind::recall:
      if (header.to.is_rank()) {
        if (deliver_local_) deliver_local_(std::move(frame));
        return;
      }
      return supervisor_.recall(header);
    case Kind::shutdown: {
      supervisor_.stop();
      shutting_down_ = true;
      return route(make_frame(to_rank(Kind::shutdown_done, 0, ProcessId(rank(), 0)), {}));
    }
    case Kind::shutdown_done:
      awaited_.erase(header.from.rank().number());
      return;
    case Kind::stop:
      set_stop_flag();
      return;
    case Kind::word:
      return work_on_word(std::move(frame));
    case Kind::waits_ask:
    case Kind::waits_ask_homes:
      return tell_waits(frame);
    default:
      log_error("a message of unknown kind {} from {} is dropped", static_cast<int>(header.kind),
                to_string(header.from));
  }
}

/// For a process, which reaches no word itself, or for a rank that does not reach this one.
void Runtime::work_on_word(Frame&& frame) {
  const auto request = Unpacker(frame.body).get<WordRequest>();
  const int home = request.word.home;
  if (!words_.reaches(home) && home >= 0 && home < size()) {
    frame.header.to = ProcessId(home, 0);  // its own rank reaches it, and answers the process
    return route(std::move(frame));
  }
  const auto header = frame.header;
  try {
    const auto was = words_.perform(request);
    if (request.permits != 0 && was == request.expected) note_permits(header, request.permits);
    reply(header, Status::ok, Packer::pack(was));
  } catch (const UsageError& error) {
    reply(header, Status::usage, Packer::pack(std::string(error.what())));
  }
}

/// The account of what a process takes is its worker's, or, where another rank does it, its home's.
void Runtime::note_permits(const FrameHeader& request, std::int64_t more) {
  if (request.from.rank().number() == rank())
    return supervisor_.note_permits(request.from, request.object, more);
  route(make_frame(to_home(Kind::permits, request.object, request.from), {Packer::pack(more), {}}));
}

void Runtime::begin_shutdown() {
  shutting_down_ = true;
  supervisor_.stop();
  for (int to = 0; to < size(); ++to) {
    if (to == rank()) continue;
    awaited_.insert(to);
    route(make_frame(to_rank(Kind::shutdown, to), {}));
  }
  transport_.flush();
}

std::string Runtime::shutdown_awaits() const {
  std::vector<std::string> ranks;
  for (const int other : awaited_) {
    const auto names = directory_->names_on(other);
    ranks.push_back(fmt::format(
        "rank {} on host {} ({}{})", other, host(other),
        names.empty() ? "none of its processes was alive" : "it had to end its processes ",
        fmt::join(names, ", ")));
  }
  return fmt::format("{}", fmt::join(ranks, ", "));
}

/// A launcher may reach only some ranks and processes: whoever was asked to stop tells rank 0, and
/// that all others.
void Runtime::spread_stop() {
  stop_spread_ = true;
  supervisor_.request_stop();
  for (int to = 0; to < size(); ++to) {
    if (to == rank() || (rank() != 0 && to != 0)) continue;
    route(make_frame(to_rank(Kind::stop, to), {}));
  }
}

/// Rank 0 asks what is waited for here.
void Runtime::tell_waits(const Frame& request) {
  Unpacker in(request.body);
  const auto round = in.get<std::uint64_t>();
  const ProcessId self(rank(), 0);
  if (request.header.kind == Kind::waits_ask_homes) {
    std::vector<ObjectFacts> all;
    for (const auto& object : in.get<std::vector<ObjectId>>()) all.push_back(homes_.facts(object));
    return route(
        make_frame(to_home(Kind::waits_objects, kWaitWatch, self), {Packer::pack(round, all), {}}));
  }
  if (deliver_local_)
    deliver_local_(make_frame(to_rank(Kind::waits_tell, rank()), {Packer::pack(round), {}}));
  supervisor_.ask_waits(round);
  const std::uint8_t under_way = transport_.busy() || supervisor_.congested() ? 1 : 0;
  route(make_frame(to_home(Kind::waits_rank, kWaitWatch, self),
                   {Packer::pack(round, under_way, supervisor_.permits()), {}}));
}

void Runtime::watch_waits(steady_clock::time_point now) {
  if (!waits_) return;
  waits_->on_time(now, endless_wait_ ? endless_wait_() : 0, *this);
  if (const auto report = waits_->take_report()) report_waits_(report->text, report->deadlock);
}

void Runtime::heed_signals() {
  if (stop_flag() && !stop_spread_ && !shutting_down_) spread_stop();
  const auto signals = take_rank_signals();
  if ((signals & RankSignals::kWaits) != 0)
    route(make_frame(to_home(Kind::waits_want, kWaitWatch), {}));
  if (waits_ != nullptr && waits_->active()) watch_waits(steady_clock::now());
  if ((signals & ~RankSignals::kWaits) == 0) return;
  if (directory_ && report_) report_(unfinished());
  if ((signals & RankSignals::kEnds) != 0) die_of_sigterm();
}

std::string Runtime::unfinished() const {
  constexpr std::size_t kMost = 16;  // of a kind
  std::string text;
  std::size_t lines = 0;
  const auto add = [&](const std::string& line) {
    if (++lines <= kMost) text += "     " + line + "\n";
  };
  const auto add_rest = [&] {
    if (lines > kMost) text += fmt::format("     … and {} more\n", lines - kMost);
    lines = 0;
  };
  for (const auto& line : homes_.unfinished()) add(line);
  add_rest();
  for (int other = 0; other < size(); ++other) {
    auto names = directory_->names_on(other);
    if (names.empty()) continue;
    const auto count = names.size();
    names.resize(std::min(count, kMost));
    add(fmt::format("on rank {}, host {}: {}{}", other, host(other), fmt::join(names, ", "),
                    count > kMost ? fmt::format(" and {} more", count - kMost) : ""));
  }
  add_rest();
  if (text.empty()) return "mpx: the job ends; no pool has work left and no process runs\n";
  return "mpx: the job ends, and this is unfinished:\n" + text;
}

std::size_t Runtime::progress() {
  heed_signals();
  auto events = transport_.poll([this](Frame&& frame)
                                    MPX_REQUIRES(client_mutex) { take_in(std::move(frame)); });
  if (supervisor_.active()) events += supervisor_.pump();
  transport_.flush();
  idle_.note_look(events != 0);
  return events;
}

void Runtime::drive(ClientMutex& mutex, Deadline deadline) {
  using Next = Idle::Next;
  asleep_since_ = {};
  steady_clock::time_point now{};
  auto next = idle_.begin();
  while (true) {
    switch (next) {
      case Next::look:
        awake();
        next = idle_.after_look(progress() != 0, deadline);
        break;
      case Next::clock:
        now = steady_clock::now();
        next = idle_.at(now, deadline, supervisor_.live());
        break;
      case Next::spin:
      case Next::yield:
        mutex.unlock();
        if (next == Next::yield) ::sched_yield();
        mutex.lock();
        return;
      case Next::sleep:
        asleep_since_ = now;
        return sleep(mutex, deadline, Sleeper::driver);
      case Next::leave:
        return;
    }
  }
}

void Runtime::announce() {
  transport_.announce_sleep();
  supervisor_.announce_sleep();
}

void Runtime::awake() {
  if (!idle_.wakes()) return;
  transport_.announce_awake();
  supervisor_.announce_awake();
}

// Whichever sleeper is first empties the nudge, before the other may have seen it; the driver's own
// event nobody else does.
void Runtime::interrupt() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(nudge_.get(), &one, sizeof one));
  static_cast<void>(!::write(driver_event_.get(), &one, sizeof one));
}

/// What has just been delivered may be what the thread waits for that sleeps in drive().
void Runtime::wake_driver() {
  if (!idle_.driver_sleeps()) return;
  const std::uint64_t one = 1;
  static_cast<void>(!::write(driver_event_.get(), &one, sizeof one));
}

bool Runtime::quiet() { return idle_.quiet(steady_clock::now(), supervisor_.live()); }

void Runtime::unattended() {
  bool more = false;
  if (idle_.announces_leave()) {
    announce();
    // Nobody rings for what was there before; where this round has found some, there may be more.
    more = progress() != 0;
  }
  if (more || transport_.busy()) interrupt();  // a large transfer, which nobody else drives on
}

void Runtime::sleep(ClientMutex& mutex, Deadline deadline, Sleeper who) {
  if (idle_.announces()) announce();
  if (who == Sleeper::driver) watch_waits(steady_clock::now());
  if (progress() != 0 || supervisor_.readable()) return;
  Idle::Bounds bounds;
  bounds.deadline = deadline;
  bounds.transfer = transport_.busy();
  if (waits_) {
    bounds.watch = waits_->next();
    bounds.watching = waits_->active();
  }
  const auto limit = idle_.sleep(who, steady_clock::now(), bounds);
  timespec timeout{};
  if (limit) {
    timeout.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(*limit).count();
    timeout.tv_nsec = (*limit % 1s).count();
  }
  mutex.unlock();
  // The two sleepers are woken by the same events; the driver, besides, by what others do for it.
  pollfd events[2] = {{epoll_.get(), POLLIN, 0}, {driver_event_.get(), POLLIN, 0}};
  const int got =
      ::ppoll(events, who == Sleeper::driver ? 2 : 1, limit ? &timeout : nullptr, nullptr);
  mutex.lock();
  std::uint64_t count = 0;
  if (events[1].revents != 0) static_cast<void>(!::read(driver_event_.get(), &count, sizeof count));
  const auto by = got > 0 ? Idle::Woken::rung : got == 0 ? Idle::Woken::timer : Idle::Woken::signal;
  if (!idle_.woken(who, by, steady_clock::now())) return;
  static_cast<void>(!::read(nudge_.get(), &count, sizeof count));
  awake();  // who rang has taken the announcement back: the next sleep needs a new one
  supervisor_.pump(true);
  progress();
}

}  // namespace mpx::detail
