#include "process/end.hpp"

#include <cstdlib>
#include <utility>

namespace mpx::detail {
namespace {

std::function<void(int)>& hook() {
  static std::function<void(int)> end_hook;
  return end_hook;
}

}  // namespace

void set_end_hook(std::function<void(int)> end_hook) { hook() = std::move(end_hook); }

void end_process(int status) {
  if (const auto end = std::exchange(hook(), {})) end(status);
  std::exit(status);
}

}  // namespace mpx::detail
