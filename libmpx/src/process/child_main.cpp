#include "process/child_main.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <iostream>

#include "core/forks.hpp"
#include "core/log.hpp"
#include "core/remote_exception.hpp"
#include "core/throw_trace.hpp"
#include "endpoint/client.hpp"
#include "endpoint/stream_link.hpp"
#include "endpoint/surroundings.hpp"
#include "mpx/detail/callable.hpp"
#include "mpx/error.hpp"
#include "pool/pool_process.hpp"
#include "process/report.hpp"
#include "processes/stop_signal.hpp"
#include "wire/shared_block.hpp"
#include "wire/well_known.hpp"

namespace mpx::detail {
namespace {

// Never destroyed, as all that it uses: static objects may hold handles, and other threads wait.
std::shared_ptr<Client>* client_of_child = nullptr;

// Before a process ends, by return or by exit(), it joins its processes and gives up its handles.
void at_exit() {
  if (client_of_child == nullptr || is_forked_copy()) return;
  auto& client = **client_of_child;
  try {
    if (client.has_started_children) {
      static_cast<void>(client.calls().call(Kind::await_children, kDirectory));
    }
    client.cores().settle();
  } catch (const std::exception& error) {
    log_error("at the end of the process: {}", error.what());
  }
}

/// The first frame of a process says who it is and what to do.
Frame first_frame(StreamLink& link, std::deque<Frame>& arrived) {
  ClientMutex mutex;  // nobody else is there
  const ClientLock lock(mutex);
  while (arrived.empty()) link.drive(mutex, Deadline::never());
  auto first = std::move(arrived.front());
  arrived.pop_front();
  return first;
}

}  // namespace

int child_main(Birth birth) {
  static Client* target = nullptr;
  static auto& early = *new std::deque<Frame>;  // what came before there is a client
  static auto* const link = new StreamLink(
      std::move(birth.channel),
      [](Frame&& frame) {
        if (target != nullptr) {
          target->deliver(std::move(frame));
        } else {
          early.push_back(std::move(frame));
        }
      },
      [] { std::_Exit(1); }, birth.words);
  auto main = first_frame(*link, early);
  const auto header = main.header;
  auto payload = take_payload(std::move(main));
  Unpacker in(payload.bytes);
  const auto request = in.get<StartRequest>();
  const auto call = in.rest();

  Identity self;
  self.id = header.to;
  self.name = request.name;
  self.pid = ::getpid();
  self.daemon = request.daemon != 0;
  self.cpu_count = request.cpu_count;
  self.parent = request.parent;
  self.parent_facts = request.parent_facts;
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  self.host = host;
  set_log_identity(self.id.rank(), self.host, self.name);

  client_of_child = new std::shared_ptr<Client>(std::make_shared<Client>(self));
  auto& client = **client_of_child;
  auto& shared = *reinterpret_cast<SharedBlock*>(link->channel().scratch().data());
  client.attach(link, shared.claims, &shared.permits);
  share_stop_flag(&shared.stop);
  target = &client;
  {
    const ClientLock guard(target->mutex());
    for (auto& frame : early) target->deliver(std::move(frame));
    early.clear();
  }
  Client::set_current(*client_of_child);
  std::atexit(at_exit);

  int status = 0;
  try {
    enter_surroundings(request.surroundings);
    note_surroundings(request.surroundings);
    Incoming incoming(payload.handles);
    if (request.in_pool != 0) {
      status = serve_pool(client, request.pool, shared, call);
    } else {
      const RecordThrows record;
      Reader reader(call);
      const auto callee = read_callable(reader);
      Writer ignored;
      callee->call(reader, ignored);
    }
  } catch (...) {
    report_exception(std::current_exception(), client);
    status = 1;
  }
  return status;
}

}  // namespace mpx::detail
