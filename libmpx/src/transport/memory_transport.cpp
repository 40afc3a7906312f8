#include "transport/memory_transport.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <deque>
#include <random>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "mpx/detail/mutex.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

/// An eventfd.
class Bell {
 public:
  Bell() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (fd_ < 0)
      throw TransportError("making a doorbell: " + std::generic_category().message(errno));
  }
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;
  ~Bell() { ::close(fd_); }

  [[nodiscard]] int fd() const { return fd_; }
  void ring() const { ::eventfd_write(fd_, 1); }
  void empty() const {
    eventfd_t rings = 0;
    ::eventfd_read(fd_, &rings);
  }

 private:
  int fd_;
};

}  // namespace

struct MemoryNetwork::Shared {
  /// What has been sent to one rank.
  struct Port {
    explicit Port(int size) : arrived(static_cast<std::size_t>(size)) {}
    Mutex mutex;
    std::vector<std::deque<Frame>> arrived MPX_GUARDED_BY(mutex);  // by source
    bool asleep MPX_GUARDED_BY(mutex) = false;
    bool dropped MPX_GUARDED_BY(mutex) = false;
    Bell bell;
  };

  Shared(int size, std::vector<std::string> names, NetworkFaults wanted)
      : hosts(std::move(names)), faults(wanted) {
    if (size < 1) throw UsageError("a MemoryNetwork has one rank at least");
    hosts.resize(static_cast<std::size_t>(size), "localhost");
    for (int rank = 0; rank < size; ++rank) ports.push_back(std::make_unique<Port>(size));
  }
  Port& port(int rank) { return *ports.at(static_cast<std::size_t>(rank)); }

  std::vector<std::string> hosts;
  NetworkFaults faults;
  std::vector<std::unique_ptr<Port>> ports;
  std::atomic<std::uint64_t> messages = 0, bytes = 0;
};

class MemoryTransport final : public Transport {
 public:
  MemoryTransport(std::shared_ptr<MemoryNetwork::Shared> shared, int rank)
      : shared_(std::move(shared)),
        rank_(rank),
        port_(shared_->port(rank)),
        batches_(shared_->ports.size()),
        waiting_(shared_->ports.size()),
        random_(shared_->faults.seed + static_cast<std::uint64_t>(rank)) {}

  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return static_cast<int>(batches_.size()); }
  [[nodiscard]] const std::string& host(int rank) const override {
    return shared_->hosts.at(static_cast<std::size_t>(rank));
  }
  [[nodiscard]] bool same_node(int rank) const override { return host(rank) == host(rank_); }

  void send(int to, Frame frame) override {
    if (to < 0 || to >= size() || to == rank_)
      throw TransportError("rank " + std::to_string(rank_) + " sends a frame to rank " +
                           std::to_string(to) + ", which is not another rank of this network");
    frame.header.length = frame.body.size();
    frame.header.large = frame.large.size;
    ++shared_->messages;
    shared_->bytes += frame.header.length + frame.header.large;
    auto& batch = batches_[static_cast<std::size_t>(to)];
    if (batch.empty()) open_.push_back(to);
    batch.push_back(std::move(frame));
  }

  void flush() override {
    for (const int to : std::exchange(open_, {})) {
      auto batch = std::exchange(batches_[static_cast<std::size_t>(to)], {});
      auto& port = shared_->port(to);
      const MutexLock lock(port.mutex);
      if (port.dropped) continue;
      auto& arrived = port.arrived[static_cast<std::size_t>(rank_)];
      std::move(batch.begin(), batch.end(), std::back_inserter(arrived));
      if (same_node(to) && std::exchange(port.asleep, false)) port.bell.ring();
    }
  }

  std::size_t poll(const Deliver& deliver) override;

  [[nodiscard]] bool busy() const override { return !open_.empty() || held_; }

  void announce_sleep() override {
    const MutexLock lock(port_.mutex);
    port_.asleep = true;
    if (held_) port_.bell.ring();  // what faults hold back must not be slept through
  }
  void announce_awake() override {
    const MutexLock lock(port_.mutex);
    port_.asleep = false;
    port_.bell.empty();
  }
  [[nodiscard]] int doorbell() const override { return port_.bell.fd(); }
  [[nodiscard]] bool needs_timer() const override {
    return std::any_of(shared_->hosts.begin(), shared_->hosts.end(),
                       [&](const auto& other) { return other != host(rank_); });
  }
  void interrupt() override { port_.bell.ring(); }

 private:
  void collect();
  bool chance(double probability) { return std::bernoulli_distribution(probability)(random_); }

  std::shared_ptr<MemoryNetwork::Shared> shared_;
  int rank_;
  MemoryNetwork::Shared::Port& port_;
  std::vector<std::vector<Frame>> batches_;  // by destination
  std::vector<int> open_;                    // destinations with a batch
  std::vector<std::deque<Frame>> waiting_;   // by source: taken from the port, not delivered
  std::mt19937_64 random_;
  bool held_ = false;  // faults have left frames in waiting_
  bool polling_ = false;
};

void MemoryTransport::collect() {
  const MutexLock lock(port_.mutex);
  for (std::size_t from = 0; from < waiting_.size(); ++from) {
    auto& arrived = port_.arrived[from];
    std::move(arrived.begin(), arrived.end(), std::back_inserter(waiting_[from]));
    arrived.clear();
  }
}

std::size_t MemoryTransport::poll(const Deliver& deliver) {
  if (polling_) throw std::logic_error("Transport::poll() called from its own delivery");
  flush();
  collect();
  std::vector<std::size_t> order;
  for (std::size_t from = 0; from < waiting_.size(); ++from)
    if (!waiting_[from].empty()) order.push_back(from);
  if (shared_->faults.shuffle) std::shuffle(order.begin(), order.end(), random_);

  std::size_t delivered = 0;
  held_ = !order.empty();  // until all is delivered: also if `deliver` throws
  bool left = false;
  polling_ = true;
  try {
    for (const auto from : order) {
      auto& frames = waiting_[from];
      while (!frames.empty()) {
        if (shared_->faults.hold > 0 && chance(shared_->faults.hold)) {
          left = true;
          break;
        }
        Frame frame = std::move(frames.front());
        frames.pop_front();
        ++delivered;
        deliver(std::move(frame));
      }
    }
  } catch (...) {
    polling_ = false;
    throw;
  }
  polling_ = false;
  held_ = left;
  if (held_) port_.bell.ring();
  return delivered;
}

MemoryNetwork::MemoryNetwork(int size, std::vector<std::string> hosts, NetworkFaults faults)
    : shared_(std::make_shared<Shared>(size, std::move(hosts), faults)) {}

MemoryNetwork::~MemoryNetwork() = default;

int MemoryNetwork::size() const { return static_cast<int>(shared_->ports.size()); }

std::unique_ptr<Transport> MemoryNetwork::transport(int rank) {
  return std::make_unique<MemoryTransport>(shared_, rank);
}

Traffic MemoryNetwork::traffic() const { return {shared_->messages, shared_->bytes}; }

void MemoryNetwork::drop(int rank) {
  auto& port = shared_->port(rank);
  const MutexLock lock(port.mutex);
  port.dropped = true;
  for (auto& frames : port.arrived) frames.clear();
}

}  // namespace mpx::detail
