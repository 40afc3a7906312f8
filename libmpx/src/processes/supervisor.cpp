#include "processes/supervisor.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include "core/item_block.hpp"
#include "core/log.hpp"
#include "core/pack.hpp"
#include "core/segments.hpp"
#include "mpx/detail/deadline.hpp"
#include "mpx/error.hpp"
#include "transport/batch.hpp"
#include "transport/words.hpp"
#include "wire/headers.hpp"
#include "wire/well_known.hpp"

namespace mpx::detail {
namespace {

constexpr std::size_t kRingBytes = std::size_t{256} << 10;

/// The rank of the home that a frame of a child uses, −1 if none.
std::int32_t home_of(const Frame& frame) {
  if (frame.header.kind != Kind::word || frame.body.size() < sizeof(WordRequest)) {
    return frame.header.object.home;
  }
  return Unpacker(frame.body).get<WordRequest>().word.home;
}

/// Why a process could not be forked, and what to look at.
std::string describe_failure(int error) {
  const char* hint = error == EMFILE || error == ENFILE ? " (see ulimit -n)"
                     : error == EAGAIN ? " (see ulimit -u, and the limit of processes "
                                         "of this node's job or container)"
                     : error == ENOMEM
                         ? " (see the memory of this node, and the memory limit of its "
                           "job or container)"
                         : "";
  return std::strerror(error) + std::string(hint);
}

/// Where a process is to run, on this node.
void check_directory(const std::string& directory) {
  if (directory.empty()) return;
  struct stat status {};
  int error = ::stat(directory.c_str(), &status) == 0 ? 0 : errno;
  if (error == 0 && !S_ISDIR(status.st_mode)) error = ENOTDIR;
  if (error == 0 && ::access(directory.c_str(), X_OK) != 0) error = errno;
  if (error == 0) return;
  throw LaunchError(fmt::format(
      "its working directory would be that of its starter, '{}', which is not to be had there: {}",
      directory, std::strerror(error)));
}

int exit_code_of(int status) {
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

SharedBlock& Supervisor::Child::shared() const {
  return *reinterpret_cast<SharedBlock*>(channel.scratch().data());
}

Supervisor::Supervisor(int rank, std::string host, std::optional<ForkServer> forker, Route route)
    : rank_(rank),
      host_(std::move(host)),
      fork_server_(std::move(forker)),
      route_(std::move(route)) {}

void Supervisor::spawn(Frame request) {
  const auto id = request.header.to;
  StartRequest wanted;
  std::optional<std::size_t> slot;
  try {
    wanted = Unpacker(front_of(request)).get<StartRequest>();
    if (!fork_server_)
      throw UsageError(
          "this rank cannot start processes: mpx::prepare() was not called before MPI_Init");
    check_directory(wanted.surroundings.directory);
    auto [side, fds] = Channel::create(kRingBytes, sizeof(SharedBlock));
    auto child = std::make_unique<Child>(id, std::move(side));
    new (child->channel.scratch().data()) SharedBlock;
    child->shared().stop = stopping_;
    if (asleep_) child->channel.announce_sleep();
    child->facts = {wanted.name, host_, rank_, 0, 0, 0};
    child->slot = slot = slots_.take();
    fork_server_->spawn(id.serial(), std::move(fds), slots_.options(slot));
    if (watch) watch(child->channel.socket(), true);
    request.header.kind = Kind::process_main;
    for (const auto& reference : references_of(request)) {
      ++child->arrived[reference];
      child->arguments.insert(reference);
    }
    child->writer.send(child->channel, std::move(request));
    child->channel.ring_if_asleep();
    children_[id.serial()] = std::move(child);
    changed_ = true;
  } catch (const std::exception& error) {
    slots_.give_back(slot);
    drop_references(request);
    const ProcessFacts facts{wanted.name, host_, rank_, 0, 1, 1, error.what()};
    report_start(id, facts);
    route_(make_frame(to_rank(Kind::process_ended, 0, id), Payload{Packer::pack(facts), {}}));
  }
}

/// Tells rank 0 that a process is there, or why not. Of what repeats, the log has one line, and how
/// often it came again.
void Supervisor::report_start(ProcessId id, const ProcessFacts& facts) {
  if (facts.trouble != failure_) {
    log_failures();
    failure_ = facts.trouble;
  }
  if (!facts.trouble.empty() && failures_++ == 0)
    log_error("process '{}' cannot be started: {}", facts.name, facts.trouble);
  route_(make_frame(to_home(Kind::spawned, kDirectory, id),
                    Payload{Packer::pack(facts.pid, facts.trouble), {}}));
}

void Supervisor::log_failures() {
  const auto again = std::exchange(failures_, 0);
  if (again > 1)
    log_error("{} more process{} could not be started, for the same reason", again - 1,
              again == 2 ? "" : "es");
}

void Supervisor::signal(const FrameHeader& request, int signo) {
  const auto found = children_.find(request.to.serial());
  if (found == children_.end() || !fork_server_) return answer(request);
  fork_server_->signal(request.to.serial(), signo);
  signals_.push_back(request);
}

void Supervisor::kill(Child& child) { signal(to_process(Kind::signal, child.id), SIGKILL); }

void Supervisor::answer(const FrameHeader& request) {
  if (request.call != 0) route_(make_frame(to_caller(request, Status::ok), {}));
}

void Supervisor::deliver(Frame frame) {
  const auto found = children_.find(frame.header.to.serial());
  if (found == children_.end() || found->second->ended) return drop_references(frame);
  auto& child = *found->second;
  const auto kind = frame.header.kind;
  for (const auto& reference : references_of(frame)) ++child.arrived[reference];
  if (kind == Kind::queue_items || kind == Kind::pool_tasks) {
    child.slots[frame.header.status] = frame.header.object;
    if (!child.stalled.empty() || !stamp(child, frame)) {
      child.stalled.push_back(std::move(frame));
      return;
    }
  }
  child.writer.send(child.channel, std::move(frame));
  child.channel.ring_if_asleep();
}

bool Supervisor::stamp(Child& child, Frame& frame) {
  if (frame.header.status >= kClaimSlots) return true;
  ClaimStamp stamp;
  std::memcpy(&stamp, frame.body.data(), sizeof stamp);
  const auto made = child.shared().claims[stamp.slot].extend(stamp.slot, stamp.count);
  if (!made) return false;
  std::memcpy(frame.body.data(), &*made, sizeof stamp);
  return true;
}

void Supervisor::recall(const FrameHeader& request) {
  const auto found = children_.find(request.to.serial());
  if (found == children_.end()) return;  // its end has been reported, or will be
  give_back(*found->second, request.status, request.object);
}

void Supervisor::give_back(Child& child, std::uint16_t slot, const ObjectId& object) {
  if (slot >= kClaimSlots) return;
  const auto user = child.slots.find(slot);
  const bool its = user != child.slots.end() && user->second == object;
  std::uint32_t units = its ? child.shared().claims[slot].revoke() : 0;
  for (auto& frame : child.stalled) {  // handed by the home, never seen by the process
    if (frame.header.object != object) continue;
    ClaimStamp stamp;
    std::memcpy(&stamp, frame.body.data(), sizeof stamp);
    units += stamp.count;
  }
  std::erase_if(child.stalled, [&](const Frame& frame) { return frame.header.object == object; });
  route_(make_frame(to_home(Kind::recalled, object, child.id), Payload{Packer::pack(units), {}}));
}

// Items handed ahead are on record where they came from, and their references with them.
std::vector<Reference> Supervisor::references_of(const Frame& frame) {
  if (frame.header.kind == Kind::queue_items && frame.header.status < kClaimSlots) return {};
  return listed_references(frame);
}

void Supervisor::drop_references(const Frame& frame) {
  for (const auto& reference : references_of(frame))
    route_(make_frame(count_header(Kind::drop_flight, reference), {}));
}

std::size_t Supervisor::pump(bool woken) {
  std::size_t events = 0;
  // What a process sends may start another one on this rank, in the middle of the round.
  if (std::exchange(changed_, false)) {
    round_.clear();
    for (auto& [serial, child] : children_) round_.push_back(child.get());
  }
  for (auto* child : round_) events += pump_child(*child);
  // A look at the fork server is a system call: not in every round.
  if (fork_server_ && (woken || ++rounds_ % 16 == 0)) {
    for (const auto& event : fork_server_->poll()) {
      ++events;
      on_event(event);
    }
  }
  if (std::erase_if(children_, [](const auto& entry) { return entry.second->ended; }) != 0)
    changed_ = true;
  return events;
}

std::size_t Supervisor::pump_child(Child& child) {
  if (child.ended || child.refused) return 0;
  try {
    while (!child.stalled.empty() && stamp(child, child.stalled.front())) {
      child.writer.send(child.channel, std::move(child.stalled.front()));
      child.stalled.pop_front();
    }
    const bool writes = !child.writer.empty();
    if (writes) child.writer.pump(child.channel);
    const auto frames =
        child.reader.pump(child.channel, [&](Frame&& frame) { on_frame(child, std::move(frame)); });
    send_puts(child);
    if (writes) child.channel.ring_if_asleep();
    return frames;
  } catch (const Error& error) {
    log_error("process '{}' (rank {}, host {}, pid {}) is killed: {}", child.facts.name, rank_,
              host_, child.facts.pid, error.what());
    child.refused = true;
    kill(child);
    return 1;
  }
}

void Supervisor::on_frame(Child& child, Frame&& frame) {
  frame.header.from = child.id;  // whatever it says
  if (!is_for_processes(frame.header.kind))
    throw UsageError(fmt::format("it has sent a message of kind {}, which no process may send",
                                 static_cast<int>(frame.header.kind)));
  if (frame.header.kind == Kind::spare) return;  // it has come, and is kept
  if (frame.large.size != 0) replace_segment(child, frame.large.size);
  if (gather_put(child, frame)) return;
  send_puts(child);
  if (frame.header.kind == Kind::waits) child.asked = false;
  // Only now, or the answer to a recall would be none, and come ahead of what this says.
  if (frame.header.kind == Kind::left) {
    const auto slot = Unpacker(frame.body).get<std::uint16_t>();
    if (slot < kClaimSlots) child.shared().claims[slot].revoke();
  }
  touch(child, home_of(frame));
  if (!child.arrived.empty()) {
    const auto kind = frame.header.kind;
    if (kind == Kind::claim || kind == Kind::drop_flight)
      child.settle(counted_reference(frame.header));
    if (kind == Kind::end_return || kind == Kind::queue_unget) {  // they go back
      for (const auto& reference : listed_references(frame)) child.settle(reference);
    }
  }
  route_(std::move(frame));
}

/// A process that sends large messages and gets none would need new memory for each.
void Supervisor::replace_segment(Child& child, std::size_t size) {
  auto spare = spare_segment(size);
  if (!spare) return;
  child.writer.send(child.channel,
                    make_frame(to_process(Kind::spare, child.id), {std::move(*spare), {}}));
  child.channel.ring_if_asleep();
}

void Supervisor::touch(Child& child, std::int32_t home) {
  if (home < 0 || home == child.last_touched) return;
  child.last_touched = home;
  child.touched.insert(home);
}

/// Small puts to one queue, in a row, go on as one message: what a home does for a message costs
/// more than what it does for an item.
bool Supervisor::gather_put(Child& child, const Frame& frame) {
  constexpr std::size_t kMost = kBatchBytes - sizeof(FrameHeader);
  const auto& header = frame.header;
  if (header.kind != Kind::queue_put || header.call != 0 || header.handles != 0 ||
      header.status != 0 || frame.large.size != 0 || frame.body.size() > kMost / 4) {
    return false;
  }
  auto& puts = child.puts;
  if (header.object != puts.header.object || puts.body.size() + frame.body.size() + 16 > kMost)
    send_puts(child);
  if (puts.body.empty()) {
    puts.header = header;
    puts.header.kind = Kind::queue_puts;
    puts.body.reserve(kMost);
    touch(child, header.object.home);
  }
  ItemBlock::append(puts.body, frame.body, 0);
  return true;
}

void Supervisor::send_puts(Child& child) {
  if (child.puts.body.empty()) return;
  child.puts.header.length = child.puts.body.size();
  route_(std::exchange(child.puts, {}));
}

void Supervisor::Child::settle(const Reference& reference) {
  arguments.erase(reference);
  const auto found = arrived.find(reference);
  if (found != arrived.end() && --found->second == 0) arrived.erase(found);
}

/// Those that it noted itself may add to those that this rank noted.
template <class Tell>
void Supervisor::Child::tell_permits(Tell tell) const {
  for (const auto& [semaphore, count] : permits) tell(semaphore, count);
  for (const auto& note : shared().permits) {
    if (note.held() != 0) tell(note.semaphore(), note.held());
  }
}

void Supervisor::note_permits(ProcessId who, const ObjectId& semaphore, std::int64_t more) {
  const auto child = children_.find(who.serial());
  if (child == children_.end() || who.rank().number() != rank_) return;
  auto& permits = child->second->permits;
  const auto found = permits.try_emplace(semaphore, 0).first;
  found->second += more;
  if (found->second == 0) permits.erase(found);
}

void Supervisor::on_event(const ForkServerEvent& event) {
  using Type = ForkServerEvent::Type;
  if (event.type == Type::server_died) {
    if (fatal)
      fatal(fmt::format("the fork server of rank {} on host {} has died; its processes are gone",
                        rank_, host_));
    return;
  }
  if (event.type == Type::signalled) {
    if (signals_.empty()) return;
    answer(signals_.front());
    return signals_.pop_front();
  }
  const auto found = children_.find(event.serial);
  if (found == children_.end()) return;
  auto& child = *found->second;
  if (event.type == Type::exited) {
    child.facts.exit_code = exit_code_of(event.status);
    report_end(child);
    return;
  }
  child.facts.pid = event.pid;
  if (event.type == Type::failed) child.facts.trouble = describe_failure(event.status);
  report_start(child.id, child.facts);
  if (event.type == Type::failed) {
    child.facts.exit_code = 1;
    report_end(child);
  }
}

/// The process is gone. First all that it wrote, then what it left behind, then the news.
void Supervisor::report_end(Child& child) {
  pump_child(child);
  child.ended = true;
  slots_.give_back(child.slot);
  if (watch) watch(child.channel.socket(), false);
  if (const auto pool = child.slots.find(0); pool != child.slots.end()) {
    if (auto records = child.shared().staged_records(); !records.empty()) {
      route_(make_frame(to_home(Kind::pool_done, pool->second, child.id),
                        Payload{std::move(records), {}}));
    }
  }
  // Objects that it was started with know of its death even if it did not live to take them over.
  for (const auto& reference : std::exchange(child.arguments, {})) {
    auto header = count_header(Kind::claim, reference);
    header.from = child.id;
    route_(make_frame(header, {}));
    child.settle(reference);
    child.touched.insert(reference.object.home);
  }
  for (const auto& [reference, times] : child.arrived) {  // which it never took over
    for (auto i = times; i > 0; --i)
      route_(make_frame(count_header(Kind::drop_flight, reference), {}));
  }
  // What was handed to it and not taken, delivered or still on its way here, its home has on
  // record.
  for (const auto& [slot, object] : child.slots) {
    child.touched.insert(object.home);
    if (slot >= kClaimSlots) continue;
    route_(make_frame(to_home(Kind::left, object, child.id),
                      Payload{Packer::pack(slot, child.shared().claims[slot].taken()), {}}));
  }
  child.tell_permits([&](const ObjectId& semaphore, std::int64_t count) {
    route_(
        make_frame(to_home(Kind::permits, semaphore, child.id), Payload{Packer::pack(count), {}}));
  });
  child.facts.ended = 1;
  child.touched.insert(0);
  child.touched.insert(rank_);
  for (const auto rank : child.touched) {
    route_(make_frame(to_rank(Kind::process_ended, rank, child.id),
                      Payload{Packer::pack(child.facts), {}}));
  }
  log_debug("process '{}' (pid {}) ended with {}", child.facts.name, child.facts.pid,
            child.facts.exit_code);
}

void Supervisor::ask_waits(std::uint64_t round) {
  for (auto& [serial, child] : children_) {
    if (child->ended || std::exchange(child->asked, true)) continue;
    deliver(make_frame(to_process(Kind::waits_tell, child->id), {Packer::pack(round), {}}));
  }
}

std::vector<HeldPermits> Supervisor::permits() const {
  std::vector<HeldPermits> all;
  for (const auto& [serial, child] : children_) {
    child->tell_permits([&, id = child->id](const ObjectId& semaphore, std::int64_t count) {
      all.push_back({semaphore, id, count});
    });
  }
  return all;
}

bool Supervisor::congested() const {
  return std::any_of(children_.begin(), children_.end(), [](const auto& entry) {
    return !entry.second->writer.empty() || !entry.second->stalled.empty();
  });
}

void Supervisor::request_stop() {
  stopping_ = true;
  for (auto& [serial, child] : children_) child->shared().stop = true;
}

void Supervisor::announce_sleep() {
  asleep_ = true;
  for (auto& [serial, child] : children_) child->channel.announce_sleep();
}

void Supervisor::announce_awake() {
  asleep_ = false;
  for (auto& [serial, child] : children_) {
    child->channel.announce_awake();
    // At its end the socket stays readable: no longer watched, the fork server's report is what
    // counts.
    if (!child->channel.drain_doorbell() && watch) watch(child->channel.socket(), false);
  }
}

bool Supervisor::readable() const {
  for (const auto& [serial, child] : children_) {
    if (child->channel.readable() || child->writer.can_write(child->channel)) return true;
  }
  return false;
}

void Supervisor::stop() {
  log_failures();
  if (fork_server_) kill_children();
  round_.clear();
  children_.clear();
  signals_.clear();
}

// What they leave behind in turn is killed by the fork server at its own end.
void Supervisor::kill_children() {
  constexpr std::chrono::seconds kLimit{
      5};  // one that hangs in the kernel is left to the fork server
  std::set<std::uint64_t> alive;
  for (const auto& [serial, child] : children_) {
    if (child->ended) continue;
    alive.insert(serial);
    fork_server_->signal(serial, SIGKILL);
  }
  for (const auto limit = Deadline::after(kLimit); !alive.empty() && !limit.passed();) {
    pollfd wait{fork_server_->socket(), POLLIN, 0};
    ::poll(&wait, 1, 100);
    for (const auto& event : fork_server_->poll()) {
      using Type = ForkServerEvent::Type;
      if (event.type == Type::server_died) alive.clear();
      if (event.type == Type::exited || event.type == Type::failed) alive.erase(event.serial);
    }
  }
}

}  // namespace mpx::detail
