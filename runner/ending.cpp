#include "ending.hpp"

#include <csignal>

namespace mpx::runner {

Ending::Ending(const Limits& limits, Time start) : limits_(limits) {
  if (limits_.timeout) at_ = start + *limits_.timeout;
}

Ending::Action Ending::on_signal(int signal, Time now, bool can_stop) {
  if (!begun()) signal_ = signal;
  switch (stage_) {
    case Stage::running:
      return signal == SIGTERM ? stop(now, can_stop) : end(now);
    case Stage::reporting:
    case Stage::asked:
      return signal == SIGTERM ? Action::none : end(now);
    case Stage::ended:
      if (signal != SIGINT) return Action::none;
      stage_ = Stage::killed;
      at_.reset();
      return Action::kill;
    case Stage::killed:
      break;
  }
  return Action::none;
}

Ending::Action Ending::on_time(Time now, bool can_stop) {
  if (!at_ || *at_ > now) return Action::none;
  at_.reset();
  switch (stage_) {
    case Stage::running:
      timed_out_ = true;
      if (!can_stop || limits_.grace.count() != 0) return stop(now, can_stop);
      stage_ = Stage::reporting;
      at_ = now + limits_.report;
      return Action::report;
    case Stage::reporting:
      return end(now);
    case Stage::asked:
      grace_is_over_ = true;
      return end(now);
    case Stage::ended:
      stage_ = Stage::killed;
      return Action::kill;
    case Stage::killed:
      break;
  }
  return Action::none;
}

Ending::Action Ending::stop(Time now, bool can_stop) {
  if (!can_stop || limits_.grace.count() == 0) return end(now);
  stage_ = Stage::asked;
  at_ = now + limits_.grace;
  return Action::ask;
}

Ending::Action Ending::end(Time now) {
  stage_ = Stage::ended;
  at_ = now + limits_.patience;
  return Action::end;
}

}  // namespace mpx::runner
