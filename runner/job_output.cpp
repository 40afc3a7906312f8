#include "job_output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "rank_output.hpp"
#include "refusal.hpp"

namespace mpx::runner {
namespace {

constexpr std::chrono::milliseconds kHold(100);  // of text that looks like a banner

}  // namespace

JobOutput::JobOutput(bool everything, bool relays, const std::string& folder)
    : everything_(everything) {
  if (!relays) return;
  relays_path_ = folder + "/relays";
  if (::mkfifo(relays_path_.c_str(), 0600) == 0) {
    relays_reader_ = Fd(::open(relays_path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    ::fcntl(relays_reader_.get(), F_SETPIPE_SZ, 1 << 20);  // so that they run ahead
    relays_writer_ = Fd(::open(relays_path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  }
  if (relays_writer_.get() < 0) {
    throw Refusal(
        1, fmt::format("cannot make the named pipe {}: {}", relays_path_, std::strerror(errno)));
  }
  relays_.emplace(relays_reader_.get(), -1);
}

void JobOutput::become_ours() const {
  // By environment and not by -x: only ranks on this machine can reach it.
  if (relays_) ::setenv(kRelayVariable, relays_path_.c_str(), 1);
  ::dup2(out_pipe_.writer.get(), 1);
  ::dup2(err_pipe_.writer.get(), 2);
}

void JobOutput::launcher_has_it() {
  out_pipe_.writer.close();
  err_pipe_.writer.close();
}

JobOutput::Interest JobOutput::interest() const {
  Interest ready{out_.interest(), err_.interest(), {-1, 0, 0}};
  if (relays_) ready[2] = relays_->interest();
  // What comes in frames goes to both.
  if (!idle()) {
    for (auto& wait : ready) {
      if (wait.events == POLLIN) wait.fd = -1;
    }
  }
  return ready;
}

void JobOutput::step(const Interest& ready) {
  if (ready[0].revents != 0) out_.write(out_.step());
  if (ready[1].revents != 0) {
    if (const auto text = err_.step(); !text.empty()) take(frames_, text);
    hold_until_.reset();
    if (err_.ended()) {
      show(frames_.flush());
      err_.write(filter_.flush());
    }
    if (filter_.holds_text()) hold_until_ = Clock::now() + kHold;
  }
  if (ready[2].revents != 0) {
    if (const auto text = relays_->step(); !text.empty()) take(relays_frames_, text);
  }
  if (err_.ended() && (!relays_ || relays_->ended())) {
    out_.write(lines_.end(LineTagger::Stream::out));
    err_.write(lines_.end(LineTagger::Stream::err));
  }
  check();
}

void JobOutput::time(Clock::time_point now) {
  if (!hold_until_ || *hold_until_ > now) return;
  hold_until_.reset();
  err_.write(filter_.flush());
}

bool JobOutput::is_unread() const { return out_.failure() == EPIPE; }

void JobOutput::take(FrameReader& frames, const std::string& text) {
  for (const Frame& frame : frames.feed(text)) take(frame);
}

void JobOutput::take(const Frame& frame) {
  using Stream = LineTagger::Stream;
  switch (frame.kind) {
    case Frame::Kind::other:
      show(frame.text);
      break;
    case Frame::Kind::out:
      out_.write(lines_.add(frame.rank, Stream::out, frame.text));
      break;
    case Frame::Kind::err:
      err_.write(lines_.add(frame.rank, Stream::err, frame.text));
      break;
    case Frame::Kind::out_end:
      out_.write(lines_.end(frame.rank, Stream::out));
      break;
    case Frame::Kind::err_end:
      err_.write(lines_.end(frame.rank, Stream::err));
      break;
    case Frame::Kind::trouble:
      lost_ = true;
      say("mpx-run: " + frame.text + "\n");
      break;
  }
}

void JobOutput::show(const std::string& text) {
  loss_.feed(text);
  err_.write(everything_ ? text : filter_.feed(text));
}

void JobOutput::check() {
  const auto fails = [](int error) { return error != 0 && error != EPIPE; };
  if (fails(err_.failure())) lost_ = true;  // and there is nowhere to say it
  if (!fails(out_.failure()) || std::exchange(said_, true)) return;
  lost_ = true;
  say(
      fmt::format("mpx-run: cannot write to standard output: {}; the rest of what the job prints "
                  "there is lost\n",
                  std::strerror(out_.failure())));
}

}  // namespace mpx::runner
