#include "runtime/idle.hpp"

#include <algorithm>
#include <utility>

namespace mpx::detail {

using namespace std::chrono_literals;

Idle::Next Idle::begin() {
  looked_ = false;
  // Nobody of its node has rung, so the announcement stands.
  return std::exchange(by_timer_, false) && announced_ ? Next::clock : Next::look;
}

Idle::Next Idle::after_look(bool found, const Deadline& deadline) {
  looked_ = true;
  if (found || deadline.is_now()) return Next::leave;
  return ++in_vain_ % kLooks == 0 ? Next::clock : Next::leave;
}

Idle::Next Idle::at(Time now, const Deadline& deadline, std::size_t processes) {
  const bool over = !deadline.is_never() && now >= deadline.when();
  note(now);
  if (!looked_) return over ? Next::look : Next::sleep;
  if (over) return Next::leave;
  if (now - last_event_ >= spin_time(processes)) return Next::sleep;
  return crowded(processes) ? Next::yield : Next::spin;
}

bool Idle::wakes() {
  by_timer_ = false;
  return std::exchange(announced_, false);
}

// Others work on the words of a window only while their home looks, as it does when it announces.
bool Idle::announces() { return !std::exchange(announced_, true) || setting_.far_words; }

bool Idle::announces_leave() { return !std::exchange(announced_, true); }

std::optional<Idle::Length> Idle::sleep(Sleeper who, Time now, const Bounds& bounds) {
  std::optional<Length> limit;
  const auto bound = [&](Length most) { limit = std::min(limit.value_or(most), most); };
  if (bounds.deadline.is_now()) {
    bound(0ns);
  } else if (!bounds.deadline.is_never()) {
    bound(std::max<Length>(bounds.deadline.when() - now, 0ns));
  }
  if (bounds.transfer) bound(kTransfer);
  if (!setting_.all_ring) {
    // An eighth of the time that it has been quiet: so a message waits for little longer than it took
    // to come, and the looks are few.
    note(now);
    const auto quiet = now - last_event_;
    bound(quiet > 1s ? kTimerQuiet : std::min<Length>(quiet / 8, kTimer));
  }
  if (bounds.watch && (who == Sleeper::driver || bounds.watching))
    bound(std::max<Length>(*bounds.watch - now, 1ms));
  driver_sleeps_ |= who == Sleeper::driver;
  return limit;
}

bool Idle::woken(Sleeper who, Woken by, Time now) {
  if (who == Sleeper::driver) {
    driver_sleeps_ = false;
    by_timer_ = by == Woken::timer;
  } else if (driven_) {
    return false;
  }
  if (by != Woken::rung) {
    in_vain_ = kLooks - 1;  // one look will do before the next sleep
    return false;
  }
  last_event_ = now;
  return true;
}

bool Idle::quiet(Time now, std::size_t processes) {
  note(now);
  return now - last_event_ >= std::min<Length>(spin_time(processes), kSpin);
}

void Idle::note(Time now) {
  if (std::exchange(fresh_, false)) last_event_ = now;
}

bool Idle::crowded(std::size_t processes) const {
  return setting_.node_ranks + static_cast<int>(processes) > setting_.cores;
}

Idle::Length Idle::spin_time(std::size_t processes) const {
  if (crowded(processes)) return kSpinCrowded;
  return setting_.all_ring ? kSpin : kSpinFar;
}

}  // namespace mpx::detail
