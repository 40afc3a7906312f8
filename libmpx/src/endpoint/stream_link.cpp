#include "endpoint/stream_link.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/pack.hpp"
#include "core/segments.hpp"
#include "mpx/error.hpp"
#include "wire/headers.hpp"

namespace mpx::detail {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kSpin = 20us;  // before a sleep, with a core to spare

}  // namespace

StreamLink::StreamLink(std::unique_ptr<ByteStream> stream, std::function<void(Frame&&)> deliver,
                       std::function<void()> lost, const MappedWords* words)
    : stream_(std::move(stream)),
      words_(words),
      driver_bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      deliver_([deliver = std::move(deliver)](Frame&& frame) {
        if (frame.header.kind != Kind::spare)
          deliver(std::move(frame));  // else it has come, and is kept
      }),
      lost_(std::move(lost)) {
  if (!driver_bell_)
    throw LaunchError(fmt::format("cannot make an eventfd: {}", std::strerror(errno)));
  cpu_set_t set;
  CPU_ZERO(&set);
  spare_core_ = sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 1;
}

// The worker always reads on, so waiting for room ends. It may have taken away what was to wake the
// thread that drives, which sleeps meanwhile: its announcement, and the bytes at the doorbell.
void StreamLink::send(Frame frame) {
  return_surplus();
  writer_.send(*stream_, std::move(frame));
  bool waited = false;
  while (!writer_.pump(*stream_)) {
    waited = true;
    stream_->ring_if_asleep();
    stream_->announce_sleep();
    if (!writer_.can_write(*stream_)) sleep(nullptr);
    stream_->announce_awake();
    if (!stream_->drain_doorbell()) lost_();
  }
  if (waited) interrupt();
}

void StreamLink::interrupt() {
  if (driver_sleeps_) static_cast<void>(::eventfd_write(driver_bell_.get(), 1));
}

void StreamLink::sleep(const timespec* timeout, int bell, int other_bell) const {
  pollfd wait[] = {{stream_->socket(), POLLIN, 0},  // −1 is passed over
                   {bell, POLLIN, 0},
                   {other_bell, POLLIN, 0}};
  static_cast<void>(::ppoll(wait, 3, timeout, nullptr));
}

/// Segments that come with messages and are not needed for others are of use to who sends them.
void StreamLink::return_surplus() {
  while (auto surplus = surplus_segment()) {
    writer_.send(*stream_, make_frame(to_process(Kind::spare, {}), {std::move(*surplus), {}}));
  }
}

void StreamLink::drive(ClientMutex& mutex, Deadline deadline) {
  return_surplus();
  stream_->ring_if_asleep();
  driven_since_ = steady_clock::now();
  const auto spin_until = driven_since_ + (spare_core_ ? kSpin : 0us);
  do {
    const auto frames = reader_.pump(*stream_, deliver_);
    if (direct_.pump() || frames != 0) return;
    if (deadline.passed()) return;
    if (spare_core_) ::sched_yield();
  } while (steady_clock::now() < spin_until);
  timespec timeout{};
  if (const auto left = deadline.left()) {
    timeout.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(*left).count();
    timeout.tv_nsec = (*left % 1s).count();
  }
  stream_->announce_sleep();
  if (direct_.announce_sleep() && !stream_->readable()) {
    const int bell = direct_.bell();
    driver_sleeps_ = true;
    mutex.unlock();
    sleep(deadline.is_never() ? nullptr : &timeout, bell, driver_bell_.get());
    mutex.lock();
    driver_sleeps_ = false;
    eventfd_t rung = 0;
    static_cast<void>(::eventfd_read(driver_bell_.get(), &rung));
  }
  direct_.announce_awake();
  stream_->announce_awake();
  if (!stream_->drain_doorbell() && !stream_->readable()) lost_();
}

}  // namespace mpx::detail
