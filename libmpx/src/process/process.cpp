#include "mpx/process.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstdlib>

#include "core/pack.hpp"
#include "endpoint/client.hpp"
#include "endpoint/make_core.hpp"
#include "endpoint/surroundings.hpp"
#include "processes/stop_signal.hpp"
#include "wire/well_known.hpp"

namespace mpx {

namespace detail {

ProcessCore::~ProcessCore() = default;

std::shared_ptr<ProcessCore> ProcessCore::make(ProcessSettings settings, Payload call) {
  return make_core<ProcessCore>(std::move(settings), std::move(call));
}

std::shared_ptr<ProcessCore> ProcessCore::adopt(const ObjectId& id) {
  return adopt_core<ProcessCore>(id, [] { return make_core<ProcessCore>(); });
}

std::shared_ptr<ProcessCore> ProcessCore::load(Reader& reader) { return adopt(load_id(reader)); }

ObjectId ProcessCore::create() {
  const auto client = Client::current();
  const auto id = client->placement().new_object(0);
  client->placement().make_object(id, {Packer::pack(ObjectKind::process), {}}, "making a Process");
  return id;
}

ProcessCore::Known ProcessCore::known() const {
  const MutexLock lock(mutex_);
  return known_;
}

/// False: it is not known at the deadline.
bool ProcessCore::require_started(const char* what, Deadline deadline) {
  if (known().closed)
    throw UsageError(fmt::format("{} of a Process that this process has closed", what));
  if (!known().started && !learn(deadline)) return false;
  if (!known().started)
    throw UsageError(fmt::format("{} of {}, which has not been started", what, text()));
  return true;
}

/// For the text of an error.
std::string ProcessCore::text() const {
  const auto name = known().name;
  return name.empty() ? "a Process" : fmt::format("process '{}'", name);
}

// A handle that came from elsewhere: its home knows.
bool ProcessCore::learn(Deadline deadline) {
  if (startable_) return true;
  const auto ignore = [](const Reply&) {};
  const auto reply = client().calls().call_until(Kind::process_poll, id(), {}, deadline, ignore);
  if (!reply) return false;
  reply->check("asking for a process");
  const auto [process, facts] = Unpacker::unpack<ProcessId, ProcessFacts>(reply->payload.bytes);
  take_in(facts, !process.is_rank());
  return true;
}

void ProcessCore::take_in(const ProcessFacts& facts, bool started) {
  note([&](Known& known) {
    known.started |= started;  // an older answer may come later
    known.name = facts.name;
    known.host = facts.host;
    known.pid = facts.pid;
    known.rank = facts.rank;
    if (facts.ended == 0) return;
    known.ended = true;
    known.exit_code = facts.exit_code;
  });
}

void ProcessCore::start() {
  if (known().closed) throw UsageError("start of a Process that this process has closed");
  if (!startable_) throw UsageError("start of a Process that has no function");
  const bool again = note([](Known& known) { return std::exchange(known.starting, true); });
  if (again) throw UsageError(fmt::format("{} is started a second time", text()));
  try {
    start_once();
  } catch (...) {
    note([](Known& known) { known.starting = false; });
    throw;
  }
}

void ProcessCore::start_once() {
  if (call_.bytes.empty()) throw UsageError("start of a Process that has no function");
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
  const auto reply =
      from.calls().call(Kind::process_start, id(), Payload{std::move(body), call_.handles});
  reply.check("start of a process");
  const auto [process, facts] = Unpacker::unpack<ProcessId, ProcessFacts>(reply.payload.bytes);
  call_ = {};
  take_in(facts, true);
}

void ProcessCore::subscribe() {
  if (!require_started("wait")) return;
  auto& from = client();
  const ClientLock lock(from.mutex());
  const bool needless =
      note([](Known& known) { return known.ended || std::exchange(known.watched, true); });
  if (needless) return;
  const auto self = std::static_pointer_cast<ProcessCore>(shared_from_this());
  from.calls().post_call(
      Kind::process_watch, id(), {}, [weak = std::weak_ptr(self)](const Reply& reply) {
        const auto core = weak.lock();
        if (!core) return;
        const int exit_code = reply.status == Status::ok
                                  ? Unpacker(reply.payload.bytes).get<ProcessFacts>().exit_code
                                  : -SIGKILL;  // its record is gone, so it is too
        core->note([&](Known& known) {
          known.watched = false;
          known.ended = true;
          known.exit_code = exit_code;
        });
      });
}

bool ProcessCore::join(Deadline deadline) {
  // A try asks, too, and its home answers at once.
  if (!require_started("join", deadline.is_now() ? Deadline::never() : deadline)) return false;
  subscribe();
  const ClientLock lock(client().mutex());
  return client().waits().wait(deadline, {Kind::process_watch, id()},
                               [&]() MPX_REQUIRES(client_mutex) { return ready(); });
}

std::optional<int> ProcessCore::exit_code() {
  if (known().closed) throw UsageError("exit_code of a Process that this process has closed");
  if (is_alive() || !known().ended) return std::nullopt;
  return known().exit_code;
}

bool ProcessCore::is_alive() {
  const auto now = known();
  if (now.closed) throw UsageError("is_alive of a Process that this process has closed");
  if (now.ended || (!now.started && startable_)) return false;
  const auto reply = client().calls().call(Kind::process_poll, id());
  reply.check("is_alive");
  const auto [process, facts] = Unpacker::unpack<ProcessId, ProcessFacts>(reply.payload.bytes);
  take_in(facts, !process.is_rank());
  return !known().ended && !process.is_rank();
}

void ProcessCore::signal(int signo, const char* what) {
  require_started(what);
  client()
      .calls()
      .call(Kind::process_signal, id(), {Packer::pack(std::int32_t{signo}), {}})
      .check(what);
}

void ProcessCore::close() {
  const auto now = known();
  if (now.closed) return;
  if (now.started && is_alive())
    throw UsageError(
        fmt::format("close of {}, which is alive: join() or terminate() it first", text()));
  note([](Known& known) { known.closed = true; });
}

std::string ProcessCore::name() {
  if (!startable_) require_started("name");
  return known().name;
}
pid_t ProcessCore::pid() {
  require_started("pid");
  return known().pid;
}
Rank ProcessCore::rank() {
  require_started("rank");
  return known().rank;
}
std::string ProcessCore::host() {
  require_started("host");
  return known().host;
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
  const auto reply = client->calls().call(Kind::list_children, kDirectory);
  auto handles = reply.payload.handles;
  Incoming incoming(handles);
  for (const auto& child : reply.payload.handles) take(ProcessCore::adopt(child.object));
}

std::size_t cpu_count() { return detail::Client::current()->self().cpu_count; }

void exit(int status) { std::exit(status); }

bool stop_requested() { return detail::stop_flag(); }

}  // namespace mpx
