#include "mpx/process.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstdlib>

#include "core/pack.hpp"
#include "endpoint/client.hpp"
#include "endpoint/surroundings.hpp"
#include "processes/stop_signal.hpp"

namespace mpx {

namespace detail {

ProcessCore::~ProcessCore() = default;

std::shared_ptr<ProcessCore> ProcessCore::make(ProcessSettings settings, Payload call) {
  return Client::make_core<ProcessCore>(std::move(settings), std::move(call));
}

std::shared_ptr<ProcessCore> ProcessCore::adopt(const ObjectId& id) {
  return Client::current()->adopt<ProcessCore>(id, [] { return Client::make_core<ProcessCore>(); });
}

std::shared_ptr<ProcessCore> ProcessCore::load(Reader& reader) { return adopt(load_id(reader)); }

ObjectId ProcessCore::create() {
  const auto client = Client::current();
  const auto id = client->new_object(0);
  Client::check(client->call(Kind::create, id, {Packer::pack(ObjectKind::process), {}}),
                "making a Process");
  return id;
}

/// False: it is not known at the deadline.
bool ProcessCore::require_started(const char* what, Deadline deadline) {
  if (closed_) throw UsageError(fmt::format("{} of a Process that this process has closed", what));
  if (!started_ && !learn(deadline)) return false;
  if (!started_) {
    throw UsageError(
        fmt::format("{} of process '{}', which has not been started", what, settings_.name));
  }
  return true;
}

// A handle that came from elsewhere: its home knows.
bool ProcessCore::learn(Deadline deadline) {
  if (startable_) return true;
  const auto ignore = [](const Reply&) {};
  const auto reply = client().call_until(Kind::process_poll, id(), {}, deadline, ignore);
  if (!reply) return false;
  Client::check(*reply, "asking for a process");
  const auto [process, facts] = Unpacker::unpack<ProcessId, ProcessFacts>(reply->payload.bytes);
  const std::lock_guard guard(client().mutex());
  started_ = !process.is_rank();
  settings_.name = facts.name;
  settings_.host = facts.host;
  pid_ = facts.pid;
  rank_ = facts.rank;
  exit_code_ = facts.exit_code;
  ended_ = facts.ended != 0;
  return true;
}

void ProcessCore::start() {
  if (closed_) throw UsageError("start of a Process that this process has closed");
  if (started_)
    throw UsageError(fmt::format("process '{}' is started a second time", settings_.name));
  if (!startable_ || call_.bytes.empty())
    throw UsageError("start of a Process that has no function");
  StartRequest request;
  request.name = settings_.name;
  request.host = settings_.host;
  request.rank = settings_.rank.value_or(-1).number();
  request.daemon = settings_.daemon ? 1 : 0;
  auto& from = client();
  request.parent_facts = from.self().facts();
  request.surroundings = current_surroundings();
  auto body = Packer::pack(request);
  body.insert(body.end(), call_.bytes.begin(), call_.bytes.end());
  from.has_started_children = true;
  const auto reply = from.call(Kind::process_start, id(), Payload{std::move(body), call_.handles});
  Client::check(reply, "start of a process");
  const auto [process, facts] = Unpacker::unpack<ProcessId, ProcessFacts>(reply.payload.bytes);
  const auto call = std::exchange(call_, {});  // what it keeps is given up without the mutex
  const std::lock_guard guard(from.mutex());
  started_ = true;
  settings_.name = facts.name;
  settings_.host = facts.host;
  pid_ = facts.pid;
  rank_ = facts.rank;
}

void ProcessCore::subscribe() {
  if (!require_started("wait")) return;
  auto& from = client();
  std::unique_lock lock(from.mutex());
  if (ended_ || std::exchange(watching_, true)) return;
  const auto self = std::static_pointer_cast<ProcessCore>(shared_from_this());
  from.post_call(lock, Kind::process_watch, id(), {},
                 [weak = std::weak_ptr(self)](const Reply& reply) {
                   const auto core = weak.lock();
                   if (!core) return;
                   core->watching_ = false;
                   if (reply.status == Status::ok) {
                     core->exit_code_ = Unpacker(reply.payload.bytes).get<ProcessFacts>().exit_code;
                   } else {
                     core->exit_code_ = -SIGKILL;  // its record is gone, so it is too
                   }
                   core->ended_ = true;
                 });
}

bool ProcessCore::join(Deadline deadline) {
  // A try asks, too, and its home answers at once.
  if (!require_started("join", deadline.is_now() ? Deadline::never() : deadline)) return false;
  subscribe();
  std::unique_lock lock(client().mutex());
  return client().wait(lock, deadline, {Kind::process_watch, id()}, [&] { return ended_; });
}

std::optional<int> ProcessCore::exit_code() {
  if (closed_) throw UsageError("exit_code of a Process that this process has closed");
  if (!started_ && startable_) return std::nullopt;
  if (is_alive()) return std::nullopt;
  const std::lock_guard guard(client().mutex());
  return exit_code_;
}

bool ProcessCore::is_alive() {
  if (closed_) throw UsageError("is_alive of a Process that this process has closed");
  if (!started_ && startable_) return false;
  auto& from = client();
  {
    const std::lock_guard guard(from.mutex());
    if (ended_) return false;
  }
  const auto reply = from.call(Kind::process_poll, id());
  Client::check(reply, "is_alive");
  const auto [process, facts] = Unpacker::unpack<ProcessId, ProcessFacts>(reply.payload.bytes);
  const std::lock_guard guard(from.mutex());
  if (facts.ended != 0) {
    ended_ = true;
    exit_code_ = facts.exit_code;
  }
  return !ended_ && !process.is_rank();
}

void ProcessCore::signal(int signo, const char* what) {
  require_started(what);
  Client::check(client().call(Kind::process_signal, id(), {Packer::pack(std::int32_t{signo}), {}}),
                what);
}

void ProcessCore::close() {
  if (closed_) return;
  if (started_ && is_alive()) {
    throw UsageError(fmt::format(
        "close of process '{}', which is alive: join() or terminate() it first", settings_.name));
  }
  closed_ = true;
}

std::string ProcessCore::name() {
  if (!startable_) require_started("name");
  return settings_.name;
}
pid_t ProcessCore::pid() {
  require_started("pid");
  return pid_;
}
Rank ProcessCore::rank() {
  require_started("rank");
  return rank_;
}
std::string ProcessCore::host() {
  require_started("host");
  return settings_.host;
}
bool ProcessCore::daemon() { return settings_.daemon; }

}  // namespace detail

void Process::terminate() const { core_->signal(SIGTERM, "terminate"); }
void Process::kill() const { core_->signal(SIGKILL, "kill"); }

ProcessInfo current_process() {
  const auto& self = detail::Client::current()->self();
  return {self.name, self.id.rank(), self.host, self.pid, self.daemon};
}

std::optional<ProcessInfo> parent_process() {
  const auto& self = detail::Client::current()->self();
  if (!self.parent) return std::nullopt;
  const auto& parent = self.parent_facts;
  return ProcessInfo{parent.name, self.parent->rank(), parent.host, parent.pid, false};
}

void detail::adopt_children(const std::function<void(std::shared_ptr<ProcessCore>)>& take) {
  const auto client = Client::current();
  const auto reply = client->call_service(Kind::list_children, ProcessId(0, 0));
  auto handles = reply.payload.handles;
  Incoming incoming(handles);
  for (const auto& child : reply.payload.handles) take(ProcessCore::adopt(child.object));
}

std::size_t cpu_count() { return detail::Client::current()->self().cpu_count; }

void exit(int status) { std::exit(status); }

bool stop_requested() { return detail::stop_flag(); }

}  // namespace mpx
