#include "rank_output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>

#include "frames.hpp"
#include "refusal.hpp"
#include "relay.hpp"

namespace mpx::runner {
namespace {

constexpr int kLauncher = 2;  // its pipe, in a relay; standard output may be a terminal of its own

/// Where frames go.
class Target {
 public:
  Target() {
    if (const char* path = std::getenv(kRelayVariable)) {
      pipe_ =
          Fd(::open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK));  // there is a reader, or it is none
      if (pipe_.get() >= 0) ::fcntl(pipe_.get(), F_SETFL, O_WRONLY);
    }
    ::unsetenv(kRelayVariable);
  }

  [[nodiscard]] int fd() const { return pipe_.get() >= 0 ? pipe_.get() : kLauncher; }
  /// Ends the process when nobody reads any more.
  void send(const std::string& frame) const;
  /// Lets the launcher go.
  void release() {
    ::close(kLauncher);
    released_ = true;
  }

 private:
  Fd pipe_;
  bool released_ = false;
};

/// What the program writes to, and where the relay reads it.
struct Channel {
  Fd reader;
  Fd writer;
};

Channel make_pipe() {
  Pipe pipe;
  return {std::move(pipe.reader), std::move(pipe.writer)};
}

// mpirun 4.1 gives ranks a terminal as their standard output, so that their C library hands on line
// by line. They keep one.
Channel make_terminal() {
  Channel channel;
  channel.reader = Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  char name[64];
  if (channel.reader.get() < 0 || ::grantpt(channel.reader.get()) != 0 ||
      ::unlockpt(channel.reader.get()) != 0 ||
      ::ptsname_r(channel.reader.get(), name, sizeof name) != 0) {
    return make_pipe();
  }
  channel.writer = Fd(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  termios settings{};
  if (channel.writer.get() < 0 || ::tcgetattr(channel.writer.get(), &settings) != 0) {
    return make_pipe();
  }
  ::cfmakeraw(&settings);
  ::tcsetattr(channel.writer.get(), TCSANOW, &settings);
  return channel;
}

int own_rank() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"}) {
    if (const char* text = std::getenv(name)) return std::atoi(text);
  }
  return 0;
}

// The launcher reads what is in its pipe, and hands that on: when one frame is in it, just this one.
void wait_until_empty(int pipe) {
  for (int waiting = 0;; ::usleep(20)) {
    pollfd room{pipe, POLLOUT, 0};
    if (::poll(&room, 1, -1) < 0) continue;
    if ((room.revents & (POLLERR | POLLNVAL)) != 0) ::_exit(0);
    if (::ioctl(pipe, FIONREAD, &waiting) != 0 || waiting == 0) return;
  }
}

void Target::send(const std::string& frame) const {
  if (fd() == kLauncher) {
    if (released_) return;
    wait_until_empty(kLauncher);
  }
  while (::write(fd(), frame.data(), frame.size()) < 0) {
    if (errno != EINTR && errno != EAGAIN) ::_exit(0);
  }
}

// Both streams as frames, until both have ended.
void relay_frames(int rank, const Target& target, std::array<Fd, 2> streams) {
  using Kind = Frame::Kind;
  constexpr std::array kKinds{Kind::out, Kind::err};
  constexpr std::array kEnds{Kind::out_end, Kind::err_end};
  if (target.fd() == kLauncher)
    ::fcntl(kLauncher, F_SETPIPE_SZ, kLongestFrame);  // room: it is empty
  while (streams[0].get() >= 0 || streams[1].get() >= 0) {
    pollfd ready[] = {
        {streams[0].get(), POLLIN, 0}, {streams[1].get(), POLLIN, 0}, {target.fd(), 0, 0}};
    if (::poll(ready, std::size(ready), -1) < 0) continue;
    if (ready[2].revents != 0) return;  // nobody reads any more
    for (std::size_t i = 0; i < streams.size(); ++i) {
      if (ready[i].revents == 0) continue;
      char text[kLongestText];
      const auto size = ::read(streams[i].get(), text, sizeof text);
      if (size > 0) {
        target.send(make_frame(kKinds[i], rank, {text, static_cast<std::size_t>(size)}));
      } else if (size == 0 || (errno != EINTR && errno != EAGAIN)) {  // EIO: of a terminal
        target.send(make_frame(kEnds[i], rank, {}));
        streams[i].close();
      }
    }
  }
}

bool write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const auto written = ::write(fd, data, size);
    if (written < 0 && errno != EINTR) return false;
    if (written <= 0) continue;
    data += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

// What comes, into the file, until it ends. The launcher waits for whoever has its pipe: that is let
// go when the rank has ended and all that it wrote is in the file, not when its last descendant has.
void relay_file(int rank, Target& target, int from, int file, const std::string& path,
                int process) {
  static char text[64 * 1024];
  bool fails = false;
  while (true) {
    pollfd ready[] = {{from, POLLIN, 0}, {process, POLLIN, 0}};
    if (::poll(ready, std::size(ready), -1) < 0) continue;
    if ((ready[0].revents & POLLIN) == 0 && ready[1].revents != 0) {
      target.release();
      process = -1;
    }
    if (ready[0].revents == 0) continue;
    const auto size = ::read(from, text, sizeof text);
    if (size == 0) return;
    if (size < 0 || fails || write_all(file, text, static_cast<std::size_t>(size))) continue;
    fails = true;
    const auto why = std::strerror(errno);
    target.send(
        make_frame(Frame::Kind::trouble, rank,
                   fmt::format("cannot write {}: {}; the rest of what rank {} prints is lost", path,
                               why, rank)));
  }
}

// A process that is no child of the rank's, and that the launcher does not end together with it.
bool start_relay(const std::function<void()>& relay) {
  const pid_t between = ::fork();
  if (between < 0) return false;
  if (between > 0) {
    int status = 0;
    while (::waitpid(between, &status, 0) < 0 && errno == EINTR) {
    }
    return status == 0;
  }
  ::setsid();
  const pid_t process = ::fork();
  if (process != 0) ::_exit(process < 0);
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2}) {
    std::signal(signal, SIG_IGN);
  }
  ::prctl(PR_SET_NAME, kRelayName);
  ::close(0);
  ::close(1);
  relay();
  ::_exit(0);
}

[[nodiscard]] bool into_frames(int rank, const Target& target) {
  Channel out = ::isatty(1) == 1 ? make_terminal() : make_pipe();
  Channel err = make_pipe();
  const bool started = start_relay([&] {
    out.writer.close();
    err.writer.close();
    relay_frames(rank, target, {std::move(out.reader), std::move(err.reader)});
  });
  if (!started) return false;
  return ::dup2(out.writer.get(), 1) >= 0 && ::dup2(err.writer.get(), 2) >= 0;
}

[[nodiscard]] bool into_file(int rank, Target& target, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const std::string path = fmt::format("{}/rank.{}", folder, rank);
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.get() < 0) {
    std::fprintf(stderr, "mpx-run: rank %d cannot open %s: %s\n", rank, path.c_str(),
                 std::strerror(errno));
    return false;
  }
  Channel both = make_pipe();
  ::fcntl(both.writer.get(), F_SETPIPE_SZ, 1 << 20);
  const Fd self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
  const bool started = start_relay([&] {
    both.writer.close();
    relay_file(rank, target, both.reader.get(), file.get(), path, self.get());
  });
  if (!started) return false;
  return ::dup2(both.writer.get(), 1) >= 0 && ::dup2(both.writer.get(), 2) >= 0;
}

}  // namespace

std::vector<std::string> as_rank(const std::string& self, const std::string& folder,
                                 const std::vector<std::string>& program) {
  std::vector<std::string> words = {self, kAsRank, folder};
  words.insert(words.end(), program.begin(), program.end());
  return words;
}

int become_rank(const std::vector<char*>& arguments) {
  if (arguments.size() < 2) return bad_usage;
  const std::string folder = arguments[0];
  std::vector<char*> program(arguments.begin() + 1, arguments.end());
  program.push_back(nullptr);
  const int rank = own_rank();
  Target target;
  if (!(folder.empty() ? into_frames(rank, target) : into_file(rank, target, folder))) {
    std::fprintf(stderr, "mpx-run: rank %d cannot start the process that takes its output: %s\n",
                 rank, std::strerror(errno));
    return 1;
  }
  ::execvp(program[0], program.data());
  const int error = errno;
  std::fprintf(stderr, "mpx-run: cannot run %s: %s\n", program[0], std::strerror(error));
  return error == ENOENT ? not_found : not_executable;
}

}  // namespace mpx::runner
