#include "endpoint/direct_link.hpp"

#include "core/log.hpp"

namespace mpx::detail {

using namespace std::chrono_literals;

void DirectLink::flush() {
  runtime_.flush();
  // A large transfer under way needs somebody to drive it on.
  if (attended_ && !driving_ && runtime_.busy()) runtime_.interrupt();
}

void DirectLink::drive(std::unique_lock<std::mutex>& lock, Deadline deadline) {
  driving_ = true;
  try {
    runtime_.drive(lock, deadline);
  } catch (...) {
    driving_ = false;
    throw;
  }
  driving_ = false;
}

void DirectLink::leave() {
  if (attended_) runtime_.unattended();
}

Background::Background(Client& client, Runtime& runtime, DirectLink& link)
    : client_(client), runtime_(runtime), link_(link), thread_([this] { run(); }) {
  const std::lock_guard guard(client_.mutex());
  link_.set_attended(true);
}

Background::~Background() {
  {
    const std::lock_guard guard(client_.mutex());
    stop_ = true;
    link_.set_attended(false);
  }
  stopped_.notify_all();
  runtime_.interrupt();
  thread_.join();
}

void Background::run() {
  std::unique_lock lock(client_.mutex());
  while (!stop_) {
    try {
      runtime_.sleep(lock, Deadline::never(), Runtime::Sleeper::background);
      if (stop_) return;
      if (link_.driving()) {  // a waiting thread is at it: keep out of its way
        stopped_.wait_for(lock, 1ms);
        continue;
      }
      while (!stop_ && !link_.driving() && !runtime_.quiet()) {
        runtime_.drive(lock, Deadline::now());
        lock.unlock();  // whoever wants to wait drives itself
        std::this_thread::yield();
        lock.lock();
      }
      if (client_.has_tasks()) client_.run_tasks(lock);
    } catch (const std::exception& error) {
      log_error("progress: {}", error.what());
      stopped_.wait_for(lock, 100ms);
    }
  }
}

}  // namespace mpx::detail
