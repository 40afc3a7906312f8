#pragma once

#include <poll.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>

#include "banner_filter.hpp"
#include "frames.hpp"
#include "loss.hpp"
#include "relay.hpp"

namespace mpx::runner {

/// What the launcher and the ranks print, on its way to our standard output and standard error: put
/// together to lines that begin with their rank where it comes in frames, without the launcher's
/// words on what is no accident. Nothing is read as long as what was read before is not written.
class JobOutput {
 public:
  using Clock = std::chrono::steady_clock;

  /// `everything`: also those words. `relays`: a named pipe for them is made in `folder`.
  JobOutput(bool everything, bool relays, const std::string& folder);

  /// In the launcher's process, before exec.
  void become_ours() const;
  /// In ours, after the fork.
  void launcher_has_it();
  /// When the launcher has ended, and all else but relays.
  void launcher_is_gone() { relays_writer_.close(); }

  /// What to wait for: of standard output, of standard error, and of the relays.
  using Interest = std::array<pollfd, 3>;
  [[nodiscard]] Interest interest() const;
  void step(const Interest& ready);
  /// When time() is to be called.
  [[nodiscard]] std::optional<Clock::time_point> next() const { return hold_until_; }
  void time(Clock::time_point now);

  /// mpx-run's own words, or what it says for the program.
  void say(const std::string& text) { err_.write(text); }

  [[nodiscard]] bool idle() const { return out_.idle() && err_.idle(); }
  [[nodiscard]] bool ended() const {
    return out_.ended() && err_.ended() && (!relays_ || relays_->ended()) && idle();
  }
  /// Nobody reads our standard output any more.
  [[nodiscard]] bool is_unread() const;
  /// Something could not be written, and somebody was to read it.
  [[nodiscard]] bool is_lost() const { return lost_; }
  /// What the launcher says of it.
  [[nodiscard]] const std::string& lost_node() const { return loss_.node(); }
  [[nodiscard]] bool cannot_execute() const { return loss_.cannot_execute(); }

 private:
  void take(FrameReader& frames, const std::string& text);
  void take(const Frame& frame);
  void show(const std::string& text);
  void check();

  bool everything_;
  Pipe out_pipe_;
  Pipe err_pipe_;
  Relay out_{out_pipe_.reader.get(), 1};
  Relay err_{err_pipe_.reader.get(), 2};
  std::string relays_path_;
  Fd relays_reader_;
  Fd relays_writer_;  // as long as relays may come
  std::optional<Relay> relays_;
  FrameReader frames_;  // of the launcher
  FrameReader relays_frames_;
  LineTagger lines_;
  BannerFilter filter_;
  LossFinder loss_;
  std::optional<Clock::time_point> hold_until_;
  bool lost_ = false;
  bool said_ = false;
};

}  // namespace mpx::runner
