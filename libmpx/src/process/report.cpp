#include "process/report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "core/remote_exception.hpp"
#include "core/throw_trace.hpp"
#include "endpoint/client.hpp"

namespace mpx::detail {

void report_exception(const std::exception_ptr& exception, const Client& client) noexcept {
  try {
    const auto& self = client.self();
    auto text =
        fmt::format("mpx: uncaught exception in '{}' (rank {}, host {}, pid {}): {}\n", self.name,
                    self.id.rank().number(), self.host, self.pid, describe(exception));
    if (const auto origin = describe_origin(exception); !origin.empty())
      text += "     thrown in " + origin + "\n";
    // One write, so that the lines of several processes do not mix.
    static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
  } catch (...) {
    static_cast<void>(!::write(STDERR_FILENO, "mpx: uncaught exception\n", 24));
  }
}

}  // namespace mpx::detail
