#include "endpoint/client.hpp"

#include <utility>

#include "core/pack.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

Mutex current_mutex;
/// Guarded by current_mutex. Never destroyed: threads may go on while the process ends.
std::shared_ptr<Client>& current_client() {
  static auto* const client = new std::shared_ptr<Client>;
  return *client;
}
thread_local std::shared_ptr<Client>
    current_client_of_thread;  // tests: several ranks in one process

}  // namespace

Client::Client(Identity self) : context_(std::move(self)) {}
Client::~Client() = default;

std::shared_ptr<Client> Client::current() {
  require_no_copy();
  if (current_client_of_thread) return current_client_of_thread;
  const MutexLock lock(current_mutex);
  if (!current_client()) {
    throw UsageError(
        "an object of libmpx is used outside mpx::run (or a Session): make handles inside the "
        "body, or use them only there");
  }
  return current_client();
}

bool Client::exists() {
  require_no_copy();
  const MutexLock lock(current_mutex);
  return current_client() != nullptr;
}

void Client::set_current(std::shared_ptr<Client> client) {
  const MutexLock lock(current_mutex);
  current_client().swap(client);
}

void Client::set_current_of_thread(std::shared_ptr<Client> client) {
  current_client_of_thread = std::move(client);
}

void Client::attach(Link* link, ClaimWord* claims, PermitNotes* permits) {
  watch_forks();
  const ClientLock lock(context_.mutex());
  context_.set_link(link);
  words_.attach(*link, permits);
  claims_.attach(claims);
}

void Client::end_waits() {
  words_.end();
  waits_.end();
}

bool Client::has_ended() {
  const ClientLock lock(context_.mutex());
  return !context_.serves();
}

void Client::detach() {
  end_waits();
  // What waits here for answers and callbacks may hold objects, which hold this client.
  Calls::Handlers handlers;
  std::deque<Tasks::Task> tasks;
  const ClientLock lock(context_.mutex());
  context_.set_link(nullptr);
  handlers = calls_.take_handlers();
  tasks = tasks_.take();
}

void Client::deliver(Frame&& frame) {
  waits_.wake();
  const auto header = frame.header;
  switch (header.kind) {
    case Kind::reply:
      if (header.call != 0) return calls_.on_reply(std::move(frame));
      break;
    case Kind::waits_tell:
      return waits_.tell(Unpacker(frame.body).get<std::uint64_t>());
    case Kind::recall:
      return claims_.recall(header);
    case Kind::queue_items:
      claims_.stamp(frame);
      calls_.on_delivery(header.call);
      break;
    default:
      break;
  }
  const bool for_pool_process = header.kind >= Kind::pool_tasks && header.kind <= Kind::pool_quit;
  if (!for_pool_process && cores_.deliver(frame)) return;
  if (handler_) return handler_(std::move(frame));
  if (for_pool_process) return unhandled_.push_back(std::move(frame));
  for (const auto& reference : take_payload(std::move(frame)).handles)
    context_.send_count(Kind::drop_flight, reference);
}

void Client::set_handler(std::function<void(Frame&&)> handler) {
  const ClientLock lock(context_.mutex());
  handler_ = std::move(handler);
  for (auto& frame : std::exchange(unhandled_, {})) handler_(std::move(frame));
}

}  // namespace mpx::detail
