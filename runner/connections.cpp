#include "connections.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace mpx::runner {

int limit_unacknowledged(pid_t process, std::chrono::milliseconds limit) {
  const auto handle = static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
  if (handle < 0) return 0;
  const auto time = static_cast<unsigned>(limit.count());
  int set = 0;
  std::error_code error;
  const auto folder = "/proc/" + std::to_string(process) + "/fd";
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;
    if (!std::filesystem::read_symlink(*entry, gone).native().starts_with("socket:")) continue;
    const int number = std::atoi(entry->path().filename().c_str());
    const auto socket = static_cast<int>(::syscall(SYS_pidfd_getfd, handle, number, 0));
    if (socket < 0) continue;
    // Sockets of other kinds refuse it.
    if (::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &time, sizeof time) == 0) ++set;
    ::close(socket);
  }
  ::close(handle);
  return set;
}

}  // namespace mpx::runner
