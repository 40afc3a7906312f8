#include "mpx/detail/ids.hpp"

#include <fmt/format.h>

namespace mpx::detail {

std::string to_string(ProcessId id) {
  return id.is_rank() ? fmt::format("rank {}", id.rank().number())
                      : fmt::format("process {}.{}", id.rank().number(), id.serial());
}

std::string to_string(const ObjectId& id) {
  return fmt::format("object {}/{}.{}.{}", id.home, id.maker.rank().number(), id.maker.serial(),
                     id.serial);
}

}  // namespace mpx::detail
