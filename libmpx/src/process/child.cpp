#include "process/child.hpp"

#include <unistd.h>

#include <exception>
#include <utility>

#include "core/log.hpp"
#include "core/pack.hpp"
#include "core/remote_exception.hpp"
#include "core/throw_trace.hpp"
#include "mpx/detail/callable.hpp"
#include "mpx/error.hpp"
#include "pool/pool_process.hpp"
#include "process/report.hpp"
#include "wire/well_known.hpp"

namespace mpx::detail {

Child::Child(Birth birth, std::function<void()> lost)
    : shared_(*reinterpret_cast<SharedBlock*>(birth.channel.scratch().data())),
      link_(
          std::make_unique<Channel>(std::move(birth.channel)),
          [this](Frame&& frame) MPX_REQUIRES(client_mutex) { on_frame(std::move(frame)); },
          std::move(lost), birth.words) {
  {
    ClientMutex mutex;  // nobody else is there
    const ClientLock lock(mutex);
    while (early_.empty()) link_.drive(mutex, Deadline::never());
  }
  auto main = std::move(early_.front());
  early_.pop_front();
  Identity self;
  self.id = main.header.to;
  call_ = take_payload(std::move(main));
  Unpacker in(call_.bytes);
  request_ = in.get<StartRequest>();
  call_begins_ = call_.bytes.size() - in.rest().size();

  self.name = request_.name;
  self.pid = ::getpid();
  self.daemon = request_.daemon != 0;
  self.cpu_count = request_.cpu_count;
  self.parent = request_.parent;
  self.parent_facts = request_.parent_facts;
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  self.host = host;
  client_ = std::make_shared<Client>(self);
  client_->attach(&link_, shared_.claims, &shared_.permits);
  const ClientLock guard(client_->mutex());
  for (auto& frame : std::exchange(early_, {})) client_->deliver(std::move(frame));
}

Child::~Child() {
  client_->pool_process.reset();  // while what it holds can be given up
  client_->detach();
}

void Child::on_frame(Frame&& frame) {
  if (client_) {
    client_->deliver(std::move(frame));
  } else {
    early_.push_back(std::move(frame));
  }
}

int Child::call() {
  const auto call = ByteView(call_.bytes).subspan(call_begins_);
  Incoming incoming(call_.handles);
  if (request_.in_pool != 0) return serve_pool(*client_, request_.pool, shared_, call);
  const RecordThrows record;
  Reader reader(call);
  const auto callee = read_callable(reader);
  Writer ignored;
  callee->call(reader, ignored);
  return 0;
}

int Child::report(const std::exception_ptr& exception) const {
  report_exception(exception, *client_);
  return 1;
}

void Child::finish() noexcept {
  try {
    if (client_->has_started_children)
      static_cast<void>(client_->calls().call(Kind::await_children, kDirectory));
    client_->cores().settle();
  } catch (const std::exception& error) {
    log_error("at the end of the process: {}", error.what());
  }
}

}  // namespace mpx::detail
