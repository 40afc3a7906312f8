#include "ranks/random/board.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <new>
#include <system_error>

namespace mpx_random {
namespace {

Board* map(int fd) {
  auto* const memory = ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  return static_cast<Board*>(memory);
}

}  // namespace

const char* name_of(Outcome outcome) {
  constexpr const char* kNames[] = {"under way", "ok", "none", "Closed", "ProcessLost", "BAD"};
  return kNames[static_cast<int>(outcome)];
}

SharedBoard::SharedBoard() : fd_(::memfd_create("random programs", MFD_CLOEXEC)) {
  if (fd_ < 0 || ::ftruncate(fd_, sizeof(Board)) != 0)
    throw std::system_error(errno, std::generic_category(), "memfd_create");
  // Zero bytes are an empty board: of the large rows of records no page is touched.
  board_ = map(fd_);
}

SharedBoard::SharedBoard(const std::string& path) : fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), path);
  board_ = map(fd_);
}

SharedBoard::~SharedBoard() {
  ::munmap(board_, sizeof(Board));
  ::close(fd_);
}

std::string SharedBoard::path() const {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd_);
}

std::int64_t now_ns() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

}  // namespace mpx_random
