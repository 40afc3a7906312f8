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
#include <set>
#include <utility>

#include "core/channel.hpp"
#include "core/log.hpp"
#include "core/pack.hpp"
#include "mpx/detail/deadline.hpp"
#include "mpx/error.hpp"
#include "wire/headers.hpp"
#include "wire/shared_block.hpp"
#include "wire/well_known.hpp"

namespace mpx::detail {
namespace {

constexpr std::size_t kRingBytes = std::size_t{256} << 10;

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

Supervisor::Supervisor(int rank, std::string host, std::unique_ptr<Spawner> spawner, Route route)
    : rank_(rank), host_(std::move(host)), spawner_(std::move(spawner)), route_(std::move(route)) {}

void Supervisor::spawn(Frame request) {
  const auto id = request.header.to;
  StartRequest wanted;
  std::optional<std::size_t> slot;
  try {
    wanted = Unpacker(front_of(request)).get<StartRequest>();
    if (!spawner_)
      throw UsageError(
          "this rank cannot start processes: mpx::prepare() was not called before MPI_Init");
    check_directory(wanted.surroundings.directory);
    auto [side, fds] = Channel::create(kRingBytes, sizeof(SharedBlock));
    auto* const shared = new (side.scratch().data()) SharedBlock;
    shared->stop = stopping_;
    auto child =
        std::make_unique<Child>(id, std::make_unique<Channel>(std::move(side)), shared, route_);
    if (asleep_) child->peer.announce_sleep();
    child->facts = {wanted.name, host_, rank_, 0, 0, 0};
    child->slot = slot = slots_.take();
    spawner_->spawn(id.serial(), std::move(fds), slots_.options(slot));
    if (watch) watch(child->peer.socket(), true);
    request.header.kind = Kind::process_main;
    child->peer.begin(std::move(request));
    children_[id.serial()] = std::move(child);
    changed_ = true;
  } catch (const std::exception& error) {
    slots_.give_back(slot);
    drop_references(request, route_);
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
  if (found == children_.end() || !spawner_) return answer(request);
  spawner_->signal(request.to.serial(), signo);
  signals_.push_back(request);
}

void Supervisor::kill(Child& child) { signal(to_process(Kind::signal, child.peer.id()), SIGKILL); }

void Supervisor::answer(const FrameHeader& request) {
  if (request.call != 0) route_(make_frame(to_caller(request, Status::ok), {}));
}

void Supervisor::deliver(Frame frame) {
  const auto found = children_.find(frame.header.to.serial());
  if (found == children_.end() || found->second->ended) return drop_references(frame, route_);
  found->second->peer.deliver(std::move(frame));
}

void Supervisor::recall(const FrameHeader& request) {
  const auto found = children_.find(request.to.serial());
  if (found == children_.end()) return;  // its end has been reported, or will be
  found->second->peer.recall(request.status, request.object);
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
  if (spawner_ && (woken || ++rounds_ % 16 == 0)) {
    for (const auto& event : spawner_->poll()) {
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
    return child.peer.pump();
  } catch (const Error& error) {
    log_error("process '{}' (rank {}, host {}, pid {}) is killed: {}", child.facts.name, rank_,
              host_, child.facts.pid, error.what());
    child.refused = true;
    kill(child);
    return 1;
  }
}

void Supervisor::note_permits(ProcessId who, const ObjectId& semaphore, std::int64_t more) {
  const auto child = children_.find(who.serial());
  if (child == children_.end() || who.rank().number() != rank_) return;
  child->second->peer.note_permits(semaphore, more);
}

void Supervisor::on_event(const SpawnEvent& event) {
  using Type = SpawnEvent::Type;
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
  report_start(child.peer.id(), child.facts);
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
  if (watch) watch(child.peer.socket(), false);
  child.facts.ended = 1;
  auto ranks = child.peer.leave();
  ranks.insert({0, rank_});
  for (const auto rank : ranks) {
    route_(make_frame(to_rank(Kind::process_ended, rank, child.peer.id()),
                      Payload{Packer::pack(child.facts), {}}));
  }
  log_debug("process '{}' (pid {}) ended with {}", child.facts.name, child.facts.pid,
            child.facts.exit_code);
}

void Supervisor::ask_waits(std::uint64_t round) {
  for (auto& [serial, child] : children_) {
    if (!child->ended) child->peer.ask_waits(round);
  }
}

std::vector<HeldPermits> Supervisor::permits() const {
  std::vector<HeldPermits> all;
  for (const auto& [serial, child] : children_) {
    child->peer.permits([&, id = child->peer.id()](const ObjectId& semaphore, std::int64_t count) {
      all.push_back({semaphore, id, count});
    });
  }
  return all;
}

bool Supervisor::congested() const {
  return std::any_of(children_.begin(), children_.end(),
                     [](const auto& entry) { return entry.second->peer.congested(); });
}

void Supervisor::request_stop() {
  stopping_ = true;
  for (auto& [serial, child] : children_) child->peer.request_stop();
}

void Supervisor::announce_sleep() {
  asleep_ = true;
  for (auto& [serial, child] : children_) child->peer.announce_sleep();
}

void Supervisor::announce_awake() {
  asleep_ = false;
  for (auto& [serial, child] : children_) {
    // At its end the socket stays readable: no longer watched, the spawner's report is what counts.
    if (!child->peer.announce_awake() && watch) watch(child->peer.socket(), false);
  }
}

bool Supervisor::readable() const {
  return std::any_of(children_.begin(), children_.end(),
                     [](const auto& entry) { return entry.second->peer.readable(); });
}

void Supervisor::stop() {
  log_failures();
  if (spawner_) kill_children();
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
    spawner_->signal(serial, SIGKILL);
  }
  for (const auto limit = Deadline::after(kLimit); !alive.empty() && !limit.passed();) {
    pollfd wait{spawner_->socket(), POLLIN, 0};
    ::poll(&wait, 1, 100);
    for (const auto& event : spawner_->poll()) {
      using Type = SpawnEvent::Type;
      if (event.type == Type::server_died) alive.clear();
      if (event.type == Type::exited || event.type == Type::failed) alive.erase(event.serial);
    }
  }
}

}  // namespace mpx::detail
