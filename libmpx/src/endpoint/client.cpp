#include "endpoint/client.hpp"

#include <algorithm>
#include <cstring>
#include <thread>

#include "core/forks.hpp"
#include "core/log.hpp"
#include "core/remote_exception.hpp"
#include "mpx/error.hpp"
#include "wire/headers.hpp"

namespace mpx::detail {
namespace {

using Time = std::chrono::steady_clock::time_point;

std::mutex current_mutex;
/// Guarded by current_mutex. Never destroyed: threads may go on while the process ends.
std::shared_ptr<Client>& current_client() {
  static auto* const client = new std::shared_ptr<Client>;
  return *client;
}
thread_local std::shared_ptr<Client>
    current_client_of_thread;  // tests: several ranks in one process

}  // namespace

Client::Client(Identity self) : self_(std::move(self)), claim_slots_(kClaimSlots, false) {
  claim_slots_[0] = true;  // the pool's
}

Client::~Client() = default;

std::shared_ptr<Client> Client::current() {
  require_no_copy();
  if (current_client_of_thread) return current_client_of_thread;
  const std::lock_guard guard(current_mutex);
  if (!current_client()) {
    throw UsageError(
        "an object of libmpx is used outside mpx::run (or a Session): make handles inside the "
        "body, or use them only there");
  }
  return current_client();
}

bool Client::exists() {
  require_no_copy();
  const std::lock_guard guard(current_mutex);
  return current_client() != nullptr;
}

void Client::set_current(std::shared_ptr<Client> client) {
  const std::lock_guard guard(current_mutex);
  current_client().swap(client);
}

void Client::set_current_of_thread(std::shared_ptr<Client> client) {
  current_client_of_thread = std::move(client);
}

void Client::attach(Link* link, ClaimWord* claims, PermitNotes* permits) {
  watch_forks();
  const ClientLock guard(mutex_);
  link_ = link;
  map_ = link->mapped_words();
  permits_ = permits;
  if (permits != nullptr) noted_.resize(permits->size());
  if (claims == nullptr) {
    own_claims_ = std::make_unique<ClaimWord[]>(kClaimSlots);
    slot_objects_.resize(kClaimSlots);
    claims = own_claims_.get();
  }
  claims_ = claims;
}

void Client::detach() {
  end_waits();
  // What waits here for answers and callbacks may hold objects, which hold this client.
  decltype(handlers_) handlers;
  decltype(soon_) soon;
  const ClientLock guard(mutex_);
  link_ = nullptr;
  map_ = nullptr;
  handlers.swap(handlers_);
  soon.swap(soon_);
}

void Client::require_link() const {
  if (link_ == nullptr || ended_) {
    throw UsageError("an object of libmpx is used after mpx::run (or the Session) has ended");
  }
}

ObjectId Client::new_object(int home) {
  const ClientLock guard(mutex());
  return {home, next_object_++, self_.id};
}

Payload Client::make_object(const ObjectId& id, Payload arguments, const std::string& what) {
  auto reply = call(Kind::create, id, std::move(arguments));
  check(reply, what);
  return std::move(reply.payload);
}

void Client::send(Kind kind, const ObjectId& object, ProcessId to, std::uint64_t call,
                  Payload payload, std::uint16_t status) {
  // Who had the payload lets go of what it keeps after the mutex; else the next who waits does.
  if (!payload.kept.empty()) run_soon([kept = std::exchange(payload.kept, {})] {});
  // Each handle in the value is one reference in flight. It is counted before the value leaves, and
  // this process's own is given up later on the same way, so the object lives.
  for (auto& handle : payload.handles) {
    handle.counter = self_.id;
    send_count(Kind::add_ref, handle);
  }
  auto header = to_process(kind, to, object, status);
  header.from = self_.id;
  header.call = call;
  link_->send(make_frame(header, std::move(payload)));
}

void Client::send_count(Kind kind, const Reference& reference) {
  auto header = count_header(kind, reference);
  header.from = self_.id;
  link_->send(make_frame(header, {}));
}

void Client::post(Kind kind, const ObjectId& object, Payload payload, std::uint16_t status) {
  const auto kept = std::exchange(payload.kept, {});
  const ClientLock lock(mutex());
  post_locked(kind, object, std::move(payload), status);
}

void Client::post_locked(Kind kind, const ObjectId& object, Payload payload, std::uint16_t status,
                         std::uint64_t call) {
  require_link();
  send(kind, object, {}, call, std::move(payload), status);
  link_->flush();
}

Reply Client::call(Kind kind, const ObjectId& object, Payload payload) {
  return *call_until(kind, object, std::move(payload), Deadline::never(), {});
}

std::optional<Reply> Client::call_until(Kind kind, const ObjectId& object, Payload payload,
                                        Deadline deadline, std::function<void(Reply)> late,
                                        std::uint16_t status) {
  const auto kept = std::exchange(payload.kept, {});
  const ClientLock lock(mutex());
  require_link();
  Pending pending(*this);
  send(kind, object, {}, pending.call, std::move(payload), status);
  if (pending.done)
    link_->flush();  // answered in this rank: what it set off elsewhere must leave too
  if (deadline.is_never()) {
    wait_for_answer(pending, {kind, object}, object.home);
  } else {
    wait(deadline, {kind, object}, [&] { return pending.done; });
  }
  if (pending.done) return std::move(pending.reply);
  // The home says which of the two was first.
  send(Kind::cancel, object, {}, pending.call, {}, 0);
  if (pending.done) link_->flush();
  wait(late ? Deadline::after(kGrace) : Deadline::never(), {kind, object},
       [&] { return pending.done; });
  if (pending.done) return std::move(pending.reply);
  handlers_[pending.call] = std::move(late);
  return std::nullopt;
}

Reply Client::call_service(Kind kind, ProcessId to, Payload payload, const ObjectId& object) {
  const auto kept = std::exchange(payload.kept, {});
  const ClientLock lock(mutex());
  require_link();
  Pending pending(*this);
  send(kind, object, to, pending.call, std::move(payload), 0);
  if (pending.done) link_->flush();
  wait_for_answer(pending, {kind, object}, to.rank().number());
  return std::move(pending.reply);
}

void Client::wait_for_answer(const Pending& pending, const Purpose& purpose, int home) {
  const auto done = [&] { return pending.done; };
  const auto kind = purpose.kind;
  const auto patience = patience_.load();
  if (patience.count() == 0 || (kind != Kind::create && kind != Kind::name_find)) {
    wait(Deadline::never(), purpose, done);
    return;
  }
  if (wait(Deadline::after(patience), purpose, done)) return;
  log_warn(
      "{} takes more than {} s: rank {} has not answered{}; a rank of a Session answers while it "
      "is in a call of libmpx, so where it computes or waits in MPI it must call progress() now "
      "and then; still waiting",
      kind == Kind::create ? "making an object" : "looking up a named object", patience.count(),
      home, kind == Kind::create ? "" : ", or another process has still to make the object");
  wait(Deadline::never(), purpose, done);
}

std::uint64_t Client::post_call(Kind kind, const ObjectId& object, Payload payload,
                                std::function<void(Reply)> on_reply) {
  require_link();
  const auto call = next_call_++;
  handlers_[call] = std::move(on_reply);
  send(kind, object, {}, call, std::move(payload), 0);
  link_->flush();
  return call;
}

void Client::cancel(std::uint64_t call, const ObjectId& object) {
  if (link_ == nullptr || !handlers_.contains(call)) return;
  send(Kind::cancel, object, {}, call, {}, 0);
  link_->flush();
}

bool Client::wait_once(Deadline deadline, Waiting* waiting) {
  // A wait that ends soon need not know when it began.
  constexpr int kRounds = 64;
  require_link();
  if (waiting != nullptr && (driving_ || ++waiting->rounds_ == kRounds)) {
    if (waiting->since_ == Time{}) waiting->since_ = Time::clock::now();
  }
  if (!driving_) {
    driving_ = true;
    try {
      link_->drive(mutex_, deadline);
    } catch (...) {
      driving_ = false;
      turn_.notify_all();
      if (link_ != nullptr && !soon_.empty()) link_->interrupt();
      throw;
    }
    driving_ = false;
    if (ended_) turn_.notify_all();
    if (waiting != nullptr && waiting->since_ == Time{}) waiting->since_ = link_->driven_since();
    if (!soon_.empty()) run_tasks();
  } else {
    link_->flush();  // the driver may sleep, with what this thread has just sent in a batch
    ++waiting_;
    if (deadline.is_never()) {
      turn_.wait(mutex_);
    } else if (!deadline.is_now()) {
      turn_.wait_until(mutex_, deadline.when());
    }
    --waiting_;
  }
  return !deadline.passed();
}

/// This thread waits no more: another one that does drives, or nobody.
void Client::hand_over() {
  if (waiting_ > 0) {
    turn_.notify_one();
  } else if (!driving_ && link_ != nullptr) {
    link_->leave();
  }
}

void Client::drive_once() {
  if (driving_ || link_ == nullptr) return;
  wait_once(Deadline::now(), nullptr);
  hand_over();
}

void Client::return_from_delivery(Kind kind, const ObjectId& object, Payload payload,
                                  std::uint16_t status, std::uint64_t call) {
  auto header = to_home(kind, object, self_.id);
  header.status = status;
  header.call = call;
  link_->send(make_frame(header, std::move(payload)));  // its references in flight travel on
  link_->flush();
}

// Nobody else would look for what comes in while no thread drives, as one leaves or sends.
void Client::run_soon(std::function<void()> task) {
  soon_.push_back(std::move(task));
  if (!driving_ && task_thread_ != std::this_thread::get_id()) link_->interrupt();
}

void Client::run_tasks() {
  auto tasks = std::exchange(soon_, {});
  const ClientUnlock unlocked(mutex_);
  for (const auto& task : tasks) run_callback(task);
  tasks.clear();  // what they hold goes without the mutex, too
}

void Client::run_callback(const std::function<void()>& callback) noexcept {
  try {
    callback();
  } catch (const std::exception& error) {
    log_error("a callback threw: {}", error.what());
  } catch (...) {
    log_error("a callback threw something that is no std::exception");
  }
}

void Client::deliver(Frame&& frame) {
  wake_waiting();
  const auto header = frame.header;
  if (header.kind == Kind::reply && header.call != 0) {
    if (const auto pending = pending_.find(header.call); pending != pending_.end()) {
      pending->second->reply = {static_cast<Status>(header.status), take_payload(std::move(frame))};
      pending->second->done = true;
      return;
    }
    if (const auto found = handlers_.find(header.call); found != handlers_.end()) {
      const auto handler = std::move(found->second);
      handlers_.erase(found);
      if (handler) handler({static_cast<Status>(header.status), take_payload(std::move(frame))});
      return;
    }
    for (const auto& reference : take_payload(std::move(frame)).handles)
      send_count(Kind::drop_flight, reference);
    return;
  }
  if (header.kind == Kind::waits_tell) return tell_waits(Unpacker(frame.body).get<std::uint64_t>());
  if (header.kind == Kind::recall) {
    const bool its = header.status < kClaimSlots && !slot_objects_.empty() &&
                     slot_objects_[header.status] == header.object;
    const auto units = its ? claims_[header.status].revoke() : 0;
    return send(Kind::recalled, header.object, {}, 0, Payload{Packer::pack(units), {}}, 0);
  }
  if (own_claims_ && header.kind == Kind::queue_items && header.status < kClaimSlots) {
    ClaimStamp stamp;  // a worker does this for its processes; a rank's own code does it itself
    std::memcpy(&stamp, frame.body.data(), sizeof stamp);
    slot_objects_[stamp.slot] = header.object;
    if (const auto made = claims_[stamp.slot].extend(stamp.slot, stamp.count)) {
      std::memcpy(frame.body.data(), &*made, sizeof stamp);
    } else {
      log_error("claim slot {} has no numbers left", stamp.slot);
    }
  }
  if (header.kind == Kind::queue_items && header.call != 0) {
    if (const auto found = handlers_.find(header.call); found != handlers_.end()) {
      const auto handler = std::move(found->second);
      handlers_.erase(found);
      handler({});
    }
  }
  if (const auto rest = lingering_.find(header.object);
      rest != lingering_.end() && rest->second.take(frame)) {
    return;
  }
  const bool for_pool_process = header.kind >= Kind::pool_tasks && header.kind <= Kind::pool_quit;
  if (const auto found = cores_.find(header.object); !for_pool_process && found != cores_.end())
    return found->second.core->on(std::move(frame));
  if (handler_) return handler_(std::move(frame));
  if (for_pool_process) return unhandled_.push_back(std::move(frame));
  for (const auto& reference : take_payload(std::move(frame)).handles)
    send_count(Kind::drop_flight, reference);
}

void Client::set_handler(std::function<void(Frame&&)> handler) {
  const ClientLock guard(mutex());
  handler_ = std::move(handler);
  for (auto& frame : std::exchange(unhandled_, {})) handler_(std::move(frame));
}

void Client::linger(const ObjectId& id, Linger rest) {
  const auto kind = rest.call;
  lingering_[id] = std::move(rest);
  const auto call = next_call_++;
  handlers_[call] = [this, id](const Reply&) {  // the object may be gone, too
    lingering_.extract(id).mapped().finish();
    send(Kind::drop, id, {}, 0, {}, 0);
    link_->flush();
  };
  send(kind, id, {}, call, {}, 0);  // may be answered in here
  link_->flush();
}

void Client::settle() {
  const ClientLock lock(mutex());
  if (link_ == nullptr) return;
  for (const auto& [id, core] : cores_) {
    if (!core.core->retired_) core.core->before_exit();
  }
  wait(Deadline::never(), {Kind::end_unbind}, [&] { return lingering_.empty(); });
}

bool Client::take(const ClaimStamp& stamp, std::uint32_t number) {
  return stamp.slot >= kClaimSlots || claims_[stamp.slot].take(stamp.epoch, number);
}

std::uint16_t Client::new_claim_slot() {
  const auto free = std::find(claim_slots_.begin(), claim_slots_.end(), false);
  if (free == claim_slots_.end()) return kNoClaimSlot;
  *free = true;
  const auto slot = static_cast<std::uint16_t>(free - claim_slots_.begin());
  claims_[slot].reset_taken();
  return slot;
}

void Client::free_claim_slot(std::uint16_t slot) {
  if (slot >= kClaimSlots) return;
  // The next user starts with nothing handed ahead; in a process its worker sees to that.
  if (own_claims_) claims_[slot].revoke();
  claim_slots_[slot] = false;
  if (!slot_objects_.empty()) slot_objects_[slot] = {};
}

std::shared_ptr<Core> Client::find_core(const ObjectId& id) {
  while (true) {
    {
      const ClientLock guard(mutex());
      const auto found = cores_.find(id);
      if (found == cores_.end()) return nullptr;
      if (auto core = found->second.alive.lock()) return core;
    }
    // Another thread has given up the last handle and is about to retire the core: what that says
    // to the object's home must come before what a new core says.
    std::this_thread::yield();
  }
}

void Client::remember(const std::shared_ptr<Core>& core) {
  const ClientLock guard(mutex());
  require_link();
  cores_[core->id_] = {core.get(), core};
}

bool Client::admit(const std::shared_ptr<Core>& core, const ObjectId& id, ProcessId counter) {
  const ClientLock guard(mutex());
  require_link();
  if (!cores_.try_emplace(id, KnownCore{core.get(), core}).second) return false;
  core->set_id(id, shared_from_this());
  send_count(Kind::claim, {id, counter});
  link_->flush();
  return true;
}

void Client::retire(Core& core) {
  const ClientLock lock(mutex());
  if (core.id_.empty() || std::exchange(core.retired_, true)) return;
  const auto found = cores_.find(core.id_);
  if (found != cores_.end() && found->second.core == &core) cores_.erase(found);
  if (link_ == nullptr || ended_) return;
  try {
    if (!core.before_drop()) {
      send(Kind::drop, core.id_, {}, 0, {}, 0);
      return link_->flush();
    }
    // What another process waits for must not lie here until this one waits for something.
    wait(Deadline::never(), {Kind::end_unbind, core.id_},
         [&, id = core.id_] { return !lingering_.contains(id); });
  } catch (const std::exception& error) {
    log_error("{} cannot be given up: {}", to_string(core.id_), error.what());
  }
}

void Client::drop(const std::vector<Reference>& handles) {
  if (is_forked_copy()) return;
  const ClientLock lock(mutex_);
  drop_from_delivery(handles);
}

void Client::drop_from_delivery(const std::vector<Reference>& handles) {
  if (link_ == nullptr || ended_ || handles.empty()) return;
  for (const auto& reference : handles) send_count(Kind::drop_flight, reference);
  link_->flush();
}

void Client::check(const Reply& reply, const std::string& what) {
  const auto text = [&] { return what + ": " + Unpacker(reply.payload.bytes).get<std::string>(); };
  switch (reply.status) {
    case Status::ok:
    case Status::no:
      return;
    case Status::closed:
      throw Closed(what + ": it is closed");
    case Status::usage:
      throw UsageError(text());
    case Status::no_object:
      throw Closed(what + ": the object does not exist any more");
    case Status::failed:
      throw LaunchError(text());
    case Status::error:
      rethrow(reply.payload.bytes);
  }
}

}  // namespace mpx::detail
