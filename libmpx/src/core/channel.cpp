#include "core/channel.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "core/fd_passing.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {

namespace {

constexpr std::uint64_t kMagic = 0x31'6c'6e'68'63'78'70'6d;  // "mpxchnl1"
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
constexpr std::size_t kSmallestRing = 4096;
constexpr std::size_t kLargestRing = std::size_t{1} << 40;
constexpr std::size_t kLine = 64;

std::size_t to_lines(std::size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

}  // namespace

// Start of the memory; behind it the ring to the child, the ring to the worker, and the scratch.
struct Channel::Header {
  std::uint64_t magic;
  std::uint64_t ring_bytes;
  std::uint64_t scratch_bytes;
  struct alignas(kLine) SleepWord {
    std::atomic<std::uint32_t> asleep;
  } sleep[2];                    // by side
  ByteRing::Control control[2];  // by writing side

  [[nodiscard]] std::size_t total() const {
    return sizeof(Header) + 2 * ring_bytes + to_lines(scratch_bytes);
  }
};

Channel::Mapping::Mapping(int memory) {
  struct stat status {};
  const int seals = ::fcntl(memory, F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || ::fstat(memory, &status) != 0 ||
      static_cast<std::size_t>(status.st_size) < sizeof(Header)) {
    throw TransportError(
        fmt::format("descriptor {} is not the sealed memory of a channel", memory));
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  void* start = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  if (start == MAP_FAILED) {
    throw LaunchError(
        fmt::format("cannot map the {} bytes of a channel: {}", size, std::strerror(errno)));
  }
  bytes_ = {static_cast<std::byte*>(start), size};
}

Channel::Mapping::~Mapping() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

std::pair<Channel, ChannelFds> Channel::create(std::size_t ring_bytes, std::size_t scratch_bytes) {
  if (ring_bytes > kLargestRing || scratch_bytes > kLargestRing) {
    throw LaunchError(
        fmt::format("a channel of {} and {} bytes is too large", ring_bytes, scratch_bytes));
  }
  Header header{};
  header.magic = kMagic;
  header.ring_bytes = std::bit_ceil(std::max(ring_bytes, kSmallestRing));
  header.scratch_bytes = scratch_bytes;

  UniqueFd memory(::memfd_create("mpx-channel", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  int failure = memory ? 0 : errno;
  // Reserved now: memory that runs out later would be a SIGBUS at the first touch.
  while (failure == 0 || failure == EINTR) {
    if (::fallocate(memory.get(), 0, 0, static_cast<off_t>(header.total())) == 0) {
      failure = ::fcntl(memory.get(), F_ADD_SEALS, kSeals) == 0 ? 0 : errno;
      break;
    }
    failure = errno;
  }
  if (failure != 0) {
    throw LaunchError(fmt::format(
        "cannot reserve {} bytes of shared memory for the channel to a process: {} (see the "
        "memory of this node, and the memory limit of its job or container)",
        header.total(), std::strerror(failure)));
  }
  UniqueFd ours(::fcntl(memory.get(), F_DUPFD_CLOEXEC, 0));
  if (!ours) {
    throw LaunchError(fmt::format("cannot open the channel to a process: {} (see ulimit -n)",
                                  std::strerror(errno)));
  }
  {
    Mapping mapping(ours.get());
    auto* place = reinterpret_cast<Header*>(mapping.bytes().data());
    place->magic = header.magic;
    place->ring_bytes = header.ring_bytes;
    place->scratch_bytes = header.scratch_bytes;
  }
  auto [here, there] = socket_pair();
  return {Channel(Side::worker, {std::move(ours), std::move(here)}),
          ChannelFds{std::move(memory), std::move(there)}};
}

Channel::Channel(Side side, ChannelFds fds)
    : mapping_(fds.memory.get()), socket_(std::move(fds.socket)) {
  fds.memory.reset();  // not at the end of the caller's expression, which may run a whole child
  const auto bytes = mapping_.bytes();
  auto* header = reinterpret_cast<Header*>(bytes.data());
  // Read once: what is checked must be what is used.
  Header seen{};
  seen.magic = header->magic;
  seen.ring_bytes = header->ring_bytes;
  seen.scratch_bytes = header->scratch_bytes;
  if (seen.magic != kMagic || !std::has_single_bit(seen.ring_bytes) ||
      seen.ring_bytes > kLargestRing || seen.scratch_bytes > kLargestRing ||
      seen.total() != bytes.size()) {
    throw TransportError(
        fmt::format("the memory of a channel is corrupt: {} bytes with rings of {} and {} for "
                    "upper layers",
                    bytes.size(), seen.ring_bytes, seen.scratch_bytes));
  }
  const std::size_t self = side == Side::worker ? 0 : 1;
  const auto ring = [&](std::size_t writer) {
    const auto start = sizeof(Header) + writer * seen.ring_bytes;
    return ByteRing(header->control[writer], bytes.subspan(start, seen.ring_bytes));
  };
  asleep_ = &header->sleep[self].asleep;
  peer_asleep_ = &header->sleep[1 - self].asleep;
  out_ = ring(self);
  in_ = ring(1 - self);
  scratch_ = bytes.subspan(sizeof(Header) + 2 * seen.ring_bytes, seen.scratch_bytes);
}

// The sleep word is only ever changed by read-modify-write operations, which have one order. Either
// the ringer's comes after the sleeper's and sees the 1, or it comes before, and then the sleeper's
// reads from it (or from a later one) and so sees the indices published before it.
void Channel::announce_sleep() { asleep_->exchange(1, std::memory_order_acq_rel); }

void Channel::announce_awake() { asleep_->exchange(0, std::memory_order_acq_rel); }

void Channel::ring_if_asleep() {
  if (peer_asleep_->exchange(0, std::memory_order_acq_rel) == 0) return;
  const std::byte note{};
  // A full socket is already readable, and a closed one shows at drain_doorbell().
  while (::send(socket_.get(), &note, 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

bool Channel::send_descriptor(int fd, std::uint64_t note) {
  try {
    return send_fds(socket_.get(), ByteView(reinterpret_cast<const std::byte*>(&note), sizeof note),
                    std::span(&fd, 1), SendMode::try_once);
  } catch (const TransportError&) {  // too many are on their way in this system
    return false;
  }
}

Channel::Descriptor Channel::take_descriptor() {
  if (descriptors_.empty()) static_cast<void>(drain_doorbell());
  if (descriptors_.empty()) {
    throw TransportError(trouble_.empty()
                             ? "a large message is announced, and its memory has not been sent"
                             : trouble_);
  }
  auto first = std::move(descriptors_.front());
  descriptors_.pop_front();
  return first;
}

// Descriptors are read with the rings of the bell, which they are too.
bool Channel::drain_doorbell() {
  std::uint64_t note = 0;
  while (true) {
    ReceivedMessage got;
    try {
      got = recv_fds(socket_.get(), {reinterpret_cast<std::byte*>(&note), sizeof note});
    } catch (const TransportError& error) {
      if (!trouble_.empty()) return false;
      trouble_ = error.what();
      continue;
    }
    if (got.state != ReceivedMessage::State::message)
      return got.state == ReceivedMessage::State::nothing_yet;
    if (got.fds_lost) {
      trouble_ =
          "a large message cannot be taken: this process has no descriptor left (see ulimit -n)";
    } else if (!got.fds.empty()) {
      // One more: of the frame whose header has just been read.
      if (descriptors_.size() > kMostDescriptors) trouble_ = "too many descriptors have been sent";
      if (trouble_.empty()) descriptors_.push_back({std::move(got.fds.front()), note});
    }
  }
}

}  // namespace mpx::detail
