#include "core/direct_ring.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

constexpr std::uint64_t kClosed = std::uint64_t{1} << 63;  // in Header::written
constexpr std::size_t kAlign = 8;

/// Bytes that a message takes: its length, and itself, up to a multiple of 8.
std::size_t taken(std::uint64_t length) {
  return sizeof(std::uint64_t) + (static_cast<std::size_t>(length) + kAlign - 1) / kAlign * kAlign;
}

std::uint64_t inode_of(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 ? status.st_ino : 0;
}

/// A descriptor of another process, opened anew. Looked at first: opening what is not what was
/// offered might block, or have effects.
UniqueFd open_of(std::int32_t pid, std::int32_t fd, std::uint64_t inode) {
  const auto path = fmt::format("/proc/{}/fd/{}", pid, fd);
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || status.st_ino != inode) return {};
  return UniqueFd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
}

}  // namespace

// Start of the memory; the data is behind it.
struct DirectRing::Header {
  std::uint64_t token;
  // Bytes ever written, and kClosed. The writer publishes by compare-and-swap, so that a message
  // is either in front of the closing or refused.
  alignas(64) std::atomic<std::uint64_t> written;
  alignas(64) std::atomic<std::uint64_t> read;  // bytes ever read
  alignas(64) std::atomic<std::uint32_t> asleep;
};

std::uint64_t this_node() {
  static const std::uint64_t node = [] {
    std::string boot;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
    struct stat pids {};
    if (boot.empty() || ::stat("/proc/self/ns/pid", &pids) != 0) return std::uint64_t{0};
    return static_cast<std::uint64_t>(std::hash<std::string>()(boot)) ^ pids.st_ino;
  }();
  return node;
}

DirectBell::DirectBell() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) {
    throw LaunchError(fmt::format("cannot make a pipe to be woken by: {}", std::strerror(errno)));
  }
  read_ = UniqueFd(ends[0]);
  write_ = UniqueFd(ends[1]);
}

void DirectBell::drain() const {
  char notes[64];
  while (::read(read_.get(), notes, sizeof notes) > 0 || errno == EINTR) {
  }
}

DirectRing::DirectRing(UniqueFd memory) : memory_(std::move(memory)) {
  constexpr auto kSize = sizeof(Header) + kRingBytes;
  struct stat status {};
  const int seals = ::fcntl(memory_.get(), F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || ::fstat(memory_.get(), &status) != 0 ||
      static_cast<std::size_t>(status.st_size) != kSize) {
    throw TransportError("a direct channel's memory is not that of one");
  }
  void* start = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, memory_.get(), 0);
  if (start == MAP_FAILED) {
    throw LaunchError(fmt::format("cannot map the {} bytes of a direct channel: {}", kSize,
                                  std::strerror(errno)));
  }
  mapping_ = {static_cast<std::byte*>(start), kSize};
  header_ = reinterpret_cast<Header*>(mapping_.data());
  data_ = mapping_.data() + sizeof(Header);
}

DirectRing::~DirectRing() { ::munmap(mapping_.data(), mapping_.size()); }

std::unique_ptr<DirectRing> DirectRing::create(const DirectBell& bell) {
  UniqueFd memory(::memfd_create("mpx-direct", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  // Reserved now: memory that runs out later would be a SIGBUS at the first touch.
  if (!memory ||
      ::fallocate(memory.get(), 0, 0, static_cast<off_t>(sizeof(Header) + kRingBytes)) != 0 ||
      ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    throw LaunchError(
        fmt::format("cannot reserve {} bytes of shared memory for a direct channel: {}",
                    sizeof(Header) + kRingBytes, std::strerror(errno)));
  }
  std::unique_ptr<DirectRing> ring(new DirectRing(std::move(memory)));
  if (::getrandom(&ring->header_->token, sizeof ring->header_->token, 0) !=
      sizeof ring->header_->token) {
    throw LaunchError("cannot make a direct channel: no random number");
  }
  ring->own_bell_ = bell.write_.get();
  return ring;
}

std::unique_ptr<DirectRing> DirectRing::open(const DirectOffer& offer) {
  if (offer.node == 0 || offer.node != this_node())
    throw TransportError("a direct channel is offered by a process of another node");
  auto memory = open_of(offer.pid, offer.memory, offer.memory_inode);
  auto bell = open_of(offer.pid, offer.bell, offer.bell_inode);
  if (!memory || !bell) {
    throw TransportError(fmt::format("the direct channel of pid {} cannot be opened: {}", offer.pid,
                                     std::strerror(errno)));
  }
  std::unique_ptr<DirectRing> ring(new DirectRing(std::move(memory)));
  if (ring->header_->token != offer.token)
    throw TransportError(fmt::format("the direct channel of pid {} is another one", offer.pid));
  ring->bell_ = std::move(bell);
  ring->memory_.reset();
  return ring;
}

DirectOffer DirectRing::offer() const {
  return {this_node(),   header_->token, inode_of(memory_.get()), inode_of(own_bell_), ::getpid(),
          memory_.get(), own_bell_};
}

void DirectRing::copy_in(std::uint64_t at, const void* from, std::size_t size) {
  const auto start = static_cast<std::size_t>(at % kRingBytes);
  const auto first = std::min(size, kRingBytes - start);
  std::memcpy(data_ + start, from, first);
  if (first < size) std::memcpy(data_, static_cast<const std::byte*>(from) + first, size - first);
}

void DirectRing::copy_out(std::uint64_t at, void* to, std::size_t size) const {
  const auto start = static_cast<std::size_t>(at % kRingBytes);
  const auto first = std::min(size, kRingBytes - start);
  std::memcpy(to, data_ + start, first);
  if (first < size) std::memcpy(static_cast<std::byte*>(to) + first, data_, size - first);
}

bool DirectRing::write(ByteView message) {
  auto written = header_->written.load(std::memory_order_relaxed);
  if ((written & kClosed) != 0 || message.size() > kMostBytes) return false;
  const std::uint64_t length = message.size();
  const auto used = written - header_->read.load(std::memory_order_acquire);
  if (used > kRingBytes || taken(length) > kRingBytes - used) return false;
  copy_in(written, &length, sizeof length);
  if (length != 0) copy_in(written + sizeof length, message.data(), message.size());
  if (!header_->written.compare_exchange_strong(written, written + taken(length),
                                                std::memory_order_acq_rel)) {
    return false;
  }
  // As in Channel: the sleep word is only changed by read-modify-write operations, so no wake-up
  // is lost.
  if (header_->asleep.exchange(0, std::memory_order_acq_rel) != 0) {
    const char note = 0;
    while (::write(bell_.get(), &note, 1) < 0 && errno == EINTR) {  // a full one is readable
    }
  }
  return true;
}

bool DirectRing::readable() const {
  return (header_->written.load(std::memory_order_acquire) & ~kClosed) != read_;
}

std::optional<Bytes> DirectRing::read() {
  const auto available = (header_->written.load(std::memory_order_acquire) & ~kClosed) - read_;
  if (available == 0) return std::nullopt;
  std::uint64_t length = 0;
  if (available <= kRingBytes && available >= sizeof length)
    copy_out(read_, &length, sizeof length);
  if (available > kRingBytes || available < sizeof length || length > kMostBytes ||
      taken(length) > available) {
    throw TransportError(
        fmt::format("a direct channel holds {} bytes and a message of {}: its writer has scribbled",
                    available, length));
  }
  Bytes message(static_cast<std::size_t>(length));
  if (length != 0) copy_out(read_ + sizeof length, message.data(), message.size());
  read_ += taken(length);
  header_->read.store(read_, std::memory_order_release);
  return message;
}

void DirectRing::close() { header_->written.fetch_or(kClosed, std::memory_order_acq_rel); }

void DirectRing::announce_sleep() { header_->asleep.exchange(1, std::memory_order_acq_rel); }
void DirectRing::announce_awake() { header_->asleep.exchange(0, std::memory_order_acq_rel); }

}  // namespace mpx::detail
