#include "endpoint/core_table.hpp"

#include <exception>
#include <thread>
#include <utility>

#include "core/forks.hpp"
#include "core/log.hpp"
#include "wire/headers.hpp"

namespace mpx::detail {

std::shared_ptr<Core> CoreTable::find(const ObjectId& id) {
  while (true) {
    {
      const ClientLock lock(context_.mutex());
      const auto found = cores_.find(id);
      if (found == cores_.end()) return nullptr;
      if (auto core = found->second.alive.lock()) return core;
    }
    // Another thread has given up the last handle and is about to retire the core: what that says
    // to the object's home must come before what a new core says.
    std::this_thread::yield();
  }
}

void CoreTable::remember(Core& core) {
  const ClientLock lock(context_.mutex());
  cores_[core.id_] = {&core, core.weak_from_this()};
}

bool CoreTable::admit(const std::shared_ptr<Core>& core, const ObjectId& id, ProcessId counter,
                      const std::shared_ptr<Client>& client) {
  const ClientLock lock(context_.mutex());
  auto& link = context_.require_link();
  if (!cores_.try_emplace(id, Known{core.get(), core}).second) return false;
  core->set_id(id, client);
  context_.send_count(Kind::claim, {id, counter});
  link.flush();
  return true;
}

void CoreTable::retire(Core& core) {
  const ClientLock lock(context_.mutex());
  if (core.id_.empty() || std::exchange(core.retired_, true)) return;
  const auto found = cores_.find(core.id_);
  if (found != cores_.end() && found->second.core == &core) cores_.erase(found);
  if (!context_.serves()) return;
  try {
    if (!core.before_drop()) {
      context_.send(to_home(Kind::drop, core.id_), {});
      return context_.link()->flush();
    }
    // What another process waits for must not lie here until this one waits for something.
    waits_.wait(Deadline::never(), {Kind::end_unbind, core.id_},
                [&, id = core.id_]()
                    MPX_REQUIRES(client_mutex) { return !lingering_.contains(id); });
  } catch (const std::exception& error) {
    log_error("{} cannot be given up: {}", to_string(core.id_), error.what());
  }
}

void CoreTable::drop(const std::vector<Reference>& handles) {
  if (is_forked_copy()) return;
  const ClientLock lock(context_.mutex());
  drop_locked(handles);
}

void CoreTable::drop_locked(const std::vector<Reference>& handles) {
  if (!context_.serves() || handles.empty()) return;
  for (const auto& reference : handles) context_.send_count(Kind::drop_flight, reference);
  context_.link()->flush();
}

void CoreTable::linger(const ObjectId& id, Linger rest) {
  const auto kind = rest.call;
  lingering_[id] = std::move(rest);
  // The object may be gone, too, when that is answered.
  calls_.post_call(kind, id, {}, [this, id](const Reply&) MPX_REQUIRES(client_mutex) {
    lingering_.extract(id).mapped().finish();
    context_.send(to_home(Kind::drop, id), {});
    context_.link()->flush();
  });
}

void CoreTable::settle() {
  const ClientLock lock(context_.mutex());
  if (context_.link() == nullptr) return;
  for (const auto& [id, known] : cores_) {
    if (!known.core->retired_) known.core->before_exit();
  }
  waits_.wait(Deadline::never(), {Kind::end_unbind},
              [&]() MPX_REQUIRES(client_mutex) { return lingering_.empty(); });
}

bool CoreTable::deliver(Frame& frame) {
  const auto& object = frame.header.object;
  if (const auto rest = lingering_.find(object);
      rest != lingering_.end() && rest->second.take(frame)) {
    return true;
  }
  const auto found = cores_.find(object);
  if (found == cores_.end()) return false;
  found->second.core->on(std::move(frame));
  return true;
}

}  // namespace mpx::detail
