#include "endpoint/tasks.hpp"

#include "core/log.hpp"

namespace mpx::detail {

void Tasks::call(const Task& task) noexcept {
  try {
    task();
  } catch (const std::exception& error) {
    log_error("a callback threw: {}", error.what());
  } catch (...) {
    log_error("a callback threw something that is no std::exception");
  }
}

// Nobody else would look for what comes in while no thread drives, as one leaves or sends.
void Tasks::run_soon(Task task) {
  soon_.push_back(std::move(task));
  if (!context_.driven() && thread_ != std::this_thread::get_id()) context_.link()->interrupt();
}

void Tasks::run() {
  auto tasks = std::exchange(soon_, {});
  const ClientUnlock unlocked(context_.mutex());
  for (const auto& task : tasks) call(task);
  tasks.clear();  // what they hold goes without the mutex, too
}

}  // namespace mpx::detail
