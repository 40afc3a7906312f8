#include "endpoint/direct_link.hpp"

#include "core/log.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {

using namespace std::chrono_literals;

void DirectLink::flush() {
  runtime_.flush();
  // A large transfer under way needs somebody to drive it on.
  if (attended_ && !held_ && runtime_.busy()) runtime_.interrupt();
}

void DirectLink::refuse_thread() {
  throw UsageError(
      "libmpx is used by another thread than the one that initialised MPI, which gives less than "
      "MPI_THREAD_SERIALIZED");
}

void DirectLink::drive(ClientMutex& mutex, Deadline deadline) {
  require_thread();
  held_ = true;
  runtime_.set_driven(true);
  runtime_.drive(mutex, deadline);
}

void DirectLink::park(ClientMutex& mutex, const bool& stop) {
  parked_ = true;
  while (held_ && !stop) left_.wait(mutex);
  parked_ = false;
}

void DirectLink::leave() {
  held_ = false;
  runtime_.set_driven(false);
  if (!attended_) return;
  if (parked_) left_.notify_one();
  runtime_.unattended();
}

Background::Background(Client& client, Runtime& runtime, DirectLink& link)
    : client_(client), runtime_(runtime), link_(link), thread_([this] { run(); }) {
  const ClientLock guard(client_.mutex());
  link_.set_attended(true);
}

Background::~Background() {
  {
    const ClientLock guard(client_.mutex());
    stop_ = true;
    link_.set_attended(false);
  }
  stopped_.notify_all();
  link_.unpark();
  runtime_.interrupt();
  thread_.join();
}

void Background::run() {
  auto& mutex = client_.mutex();
  const ClientLock lock(mutex);
  client_.tasks().serve();
  while (!stop_) {
    try {
      link_.park(mutex, stop_);  // a waiting thread drives itself
      if (stop_) return;
      if (!client_.tasks().any())
        runtime_.sleep(mutex, Deadline::never(), Runtime::Sleeper::background);
      while (!stop_ && !link_.held() && !runtime_.quiet()) {
        runtime_.drive(mutex, Deadline::now());
        const ClientUnlock unlocked(mutex);  // whoever wants to wait drives itself
        std::this_thread::yield();
      }
      if (client_.tasks().any()) client_.tasks().run();
    } catch (const std::exception& error) {
      log_error("progress: {}", error.what());
      stopped_.wait_until(mutex, std::chrono::steady_clock::now() + 100ms);
    }
  }
}

}  // namespace mpx::detail
