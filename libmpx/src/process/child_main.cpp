#include "process/child_main.hpp"

#include <cstdlib>
#include <exception>
#include <utility>

#include "core/forks.hpp"
#include "core/log.hpp"
#include "endpoint/surroundings.hpp"
#include "process/child.hpp"
#include "processes/stop_signal.hpp"

namespace mpx::detail {
namespace {

// Never destroyed, as all that it uses: static objects may hold handles, and other threads wait.
Child* child = nullptr;

// By return or by exit().
void at_exit() {
  if (child != nullptr && !is_forked_copy()) child->finish();
}

}  // namespace

int child_main(Birth birth) {
  child = new Child(std::move(birth), [] { std::_Exit(1); });
  const auto& client = child->client();
  const auto& self = client->self();
  set_log_identity(self.id.rank(), self.host, self.name);
  share_stop_flag(&child->shared().stop);
  Client::set_current(client);
  std::atexit(at_exit);
  try {
    enter_surroundings(child->request().surroundings);
    note_surroundings(child->request().surroundings);
    return child->call();
  } catch (...) {
    return child->report(std::current_exception());
  }
}

}  // namespace mpx::detail
