#include "process/child_main.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <iostream>

#include "core/log.hpp"
#include "core/remote_exception.hpp"
#include "core/throw_trace.hpp"
#include "endpoint/client.hpp"
#include "endpoint/stream_link.hpp"
#include "mpx/detail/callable.hpp"
#include "mpx/error.hpp"
#include "pool/pool_process.hpp"
#include "process/report.hpp"
#include "runtime/stop_signal.hpp"
#include "runtime/supervisor.hpp"

namespace mpx::detail {
namespace {

std::shared_ptr<Client> client_of_child;

// Before a process ends, by return or by exit(), it joins its processes and gives up its handles.
void at_exit() {
  if (!client_of_child) return;
  try {
    if (client_of_child->has_started_children) {
      static_cast<void>(client_of_child->call_service(Kind::await_children, ProcessId(0, 0)));
    }
    client_of_child->settle();
  } catch (const std::exception& error) {
    log_error("at the end of the process: {}", error.what());
  }
}

/// The first frame of a process says who it is and what to do.
Frame first_frame(StreamLink& link, Client& client, std::deque<Frame>& arrived) {
  std::unique_lock lock(client.mutex());
  while (arrived.empty()) link.drive(lock, Deadline::never());
  auto first = std::move(arrived.front());
  arrived.pop_front();
  return first;
}

}  // namespace

int child_main(std::uint64_t /*serial*/, Channel channel) {
  // These live on until the process ends, for handles in static objects.
  static Client* target = nullptr;
  static std::deque<Frame> early;  // what came before there is a client
  static std::unique_ptr<StreamLink> link;
  link = std::make_unique<StreamLink>(
      std::move(channel),
      [](Frame&& frame) {
        if (target != nullptr) {
          target->deliver(std::move(frame));
        } else {
          early.push_back(std::move(frame));
        }
      },
      [] { std::_Exit(1); });
  Client nobody{Identity{}};
  auto main = first_frame(*link, nobody, early);
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

  client_of_child = std::make_shared<Client>(self);
  auto& shared = *reinterpret_cast<SharedBlock*>(link->channel().scratch().data());
  client_of_child->attach(link.get(), shared.claims);
  share_stop_flag(&shared.stop);
  target = client_of_child.get();
  {
    const std::lock_guard guard(target->mutex());
    for (auto& frame : early) target->deliver(std::move(frame));
    early.clear();
  }
  Client::set_current(client_of_child);
  std::atexit(at_exit);

  int status = 0;
  try {
    Incoming incoming(payload.handles);
    if (request.in_pool != 0) {
      status = serve_pool(*client_of_child, request.pool, shared, call);
    } else {
      const RecordThrows record;
      Reader reader(call);
      const auto callee = read_callable(reader);
      Writer ignored;
      callee->call(reader, ignored);
    }
  } catch (...) {
    report_exception(std::current_exception(), *client_of_child);
    status = 1;
  }
  return status;
}

}  // namespace mpx::detail
