#include "endpoint/stream_link.hpp"

#include <poll.h>
#include <sched.h>

#include <chrono>

namespace mpx::detail {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kSpin = 20us;  // before a sleep, with a core to spare

}  // namespace

StreamLink::StreamLink(Channel channel, std::function<void(Frame&&)> deliver,
                       std::function<void()> lost)
    : channel_(std::move(channel)), deliver_(std::move(deliver)), lost_(std::move(lost)) {
  cpu_set_t set;
  CPU_ZERO(&set);
  spare_core_ = sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 1;
}

// The worker always reads on, so waiting for room ends.
void StreamLink::send(Frame frame) {
  writer_.send(channel_, std::move(frame));
  while (!writer_.pump(channel_)) {
    channel_.ring_if_asleep();
    channel_.announce_sleep();
    if (channel_.room() == 0) sleep(nullptr);
    channel_.announce_awake();
    if (!channel_.drain_doorbell()) lost_();
  }
}

void StreamLink::sleep(const timespec* timeout, int bell) const {
  pollfd wait[] = {{channel_.socket(), POLLIN, 0}, {bell, POLLIN, 0}};  // −1 is passed over
  static_cast<void>(::ppoll(wait, 2, timeout, nullptr));
}

void StreamLink::drive(std::unique_lock<std::mutex>& lock, Deadline deadline) {
  channel_.ring_if_asleep();
  driven_since_ = steady_clock::now();
  const auto spin_until = driven_since_ + (spare_core_ ? kSpin : 0us);
  do {
    const auto frames = reader_.pump(channel_, deliver_);
    if (direct_.pump() || frames != 0) return;
    if (deadline.passed()) return;
    if (spare_core_) ::sched_yield();
  } while (steady_clock::now() < spin_until);
  timespec timeout{};
  if (const auto left = deadline.left()) {
    timeout.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(*left).count();
    timeout.tv_nsec = (*left % 1s).count();
  }
  channel_.announce_sleep();
  if (direct_.announce_sleep() && !channel_.readable()) {
    const int bell = direct_.bell();
    lock.unlock();
    sleep(deadline.is_never() ? nullptr : &timeout, bell);
    lock.lock();
  }
  direct_.announce_awake();
  channel_.announce_awake();
  if (!channel_.drain_doorbell() && !channel_.readable()) lost_();
}

}  // namespace mpx::detail
