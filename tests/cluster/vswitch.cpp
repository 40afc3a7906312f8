// An Ethernet switch in user space, for virtual nodes (vcluster.sh) on kernels without netem.
//
//   vswitch serve SOCKET PORT,PID,MAC…       joins the network namespaces of these processes, each
//                                            by a new interface eth0; serves until it is ended
//   vswitch set SOCKET SETTING PORT|all N    delay: µs on the way of what the port's node sends
//                                            loss: so many percent of it are dropped
//                                            link: 0 cuts the cable, 1 mends it
//
// It learns nothing: the addresses are given, a frame goes to its port, and any other to all.

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <queue>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Address = std::array<std::uint8_t, 6>;
using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kMostWaiting = 20'000;  // frames; more are dropped, as a switch does

int require(int result, const std::string& what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

struct Port {
  std::string name;
  Address address{};
  int tap = -1;
  std::chrono::microseconds delay{0};
  double loss_percent = 0;
  bool up = true;
  Clock::time_point last_due;  // what a node sends stays in order
};

struct Waiting {
  Clock::time_point due;
  std::uint64_t number;
  std::size_t to;
  Bytes frame;

  bool operator>(const Waiting& other) const {
    return due != other.due ? due > other.due : number > other.number;
  }
};

Port make_port(const std::string& text) {
  Port port;
  std::istringstream fields(text);
  std::string pid;
  std::string address;
  std::getline(fields, port.name, ',');
  std::getline(fields, pid, ',');
  std::getline(fields, address, ',');
  std::array<unsigned, 6> bytes{};
  if (std::sscanf(address.c_str(), "%x:%x:%x:%x:%x:%x", &bytes[0], &bytes[1], &bytes[2], &bytes[3],
                  &bytes[4], &bytes[5]) != 6)
    throw std::runtime_error("no port: " + text);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    port.address[i] = static_cast<std::uint8_t>(bytes[i]);

  const auto path = "/proc/" + pid + "/ns/net";
  const int own = require(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "own namespace");
  const int theirs = require(::open(path.c_str(), O_RDONLY | O_CLOEXEC), path);
  require(::setns(theirs, CLONE_NEWNET), path);
  port.tap = require(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), "/dev/net/tun");
  ifreq request{};
  std::strcpy(request.ifr_name, "eth0");
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  require(::ioctl(port.tap, TUNSETIFF, &request), "TUNSETIFF");
  request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::memcpy(request.ifr_hwaddr.sa_data, port.address.data(), port.address.size());
  require(::ioctl(port.tap, SIOCSIFHWADDR, &request), "SIOCSIFHWADDR");
  require(::setns(own, CLONE_NEWNET), "back to the own namespace");
  ::close(own);
  ::close(theirs);
  return port;
}

class Switch {
 public:
  explicit Switch(std::vector<Port> ports) : ports_(std::move(ports)) {}

  [[noreturn]] void serve(int socket) {
    std::vector<pollfd> ready;
    for (const Port& port : ports_) ready.push_back({port.tap, POLLIN, 0});
    ready.push_back({socket, POLLIN, 0});
    while (true) {
      const auto left = time_left();
      if (::ppoll(ready.data(), ready.size(), waiting_.empty() ? nullptr : &left, nullptr) < 0)
        require(errno == EINTR ? 0 : -1, "ppoll");
      for (const auto now = Clock::now(); !waiting_.empty() && waiting_.top().due <= now;) {
        deliver(waiting_.top().to, waiting_.top().frame);
        waiting_.pop();
      }
      for (std::size_t from = 0; from < ports_.size(); ++from)
        if ((ready[from].revents & POLLIN) != 0) take(from);
      if ((ready.back().revents & POLLIN) != 0) answer(socket);
    }
  }

 private:
  [[nodiscard]] timespec time_left() const {
    if (waiting_.empty()) return {};
    const auto left = std::max(waiting_.top().due - Clock::now(), Clock::duration::zero());
    const auto nanoseconds = std::chrono::nanoseconds(left).count();
    return {nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
  }

  void take(std::size_t from) {
    constexpr int kInARow = 16;  // then the others have their turn
    Bytes frame(65536 + 64);
    for (int i = 0; i < kInARow; ++i) {
      const auto size = ::read(ports_[from].tap, frame.data(), frame.size());
      if (size <= 0) return;
      pass(from, Bytes(frame.begin(), frame.begin() + size));
    }
  }

  void pass(std::size_t from, const Bytes& frame) {
    Port& port = ports_[from];
    if (!port.up || frame.size() < 14 || percent_(random_) < port.loss_percent) return;
    const auto now = Clock::now();
    const auto due = port.last_due = std::max(now + port.delay, port.last_due);
    for (std::size_t to = 0; to < ports_.size(); ++to) {
      if (to == from || !is_for(to, frame)) continue;
      if (due <= now) {
        deliver(to, frame);
      } else if (waiting_.size() < kMostWaiting) {
        waiting_.push({due, ++number_, to, frame});
      }
    }
  }

  [[nodiscard]] bool is_for(std::size_t to, const Bytes& frame) const {
    const auto has_address = [&](const Port& port) {
      return std::equal(port.address.begin(), port.address.end(), frame.begin());
    };
    return has_address(ports_[to]) || std::none_of(ports_.begin(), ports_.end(), has_address);
  }

  void deliver(std::size_t to, const Bytes& frame) {
    // A full interface drops what comes, as a real one does.
    if (ports_[to].up) static_cast<void>(!::write(ports_[to].tap, frame.data(), frame.size()));
  }

  void answer(int socket) {
    const int client = ::accept4(socket, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    const timeval patience{.tv_sec = 0, .tv_usec = 200'000};
    ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::array<char, 256> text{};
    const auto size = ::recv(client, text.data(), text.size() - 1, 0);
    const std::string reply = size > 0 && set(text.data()) ? "ok" : "no";
    ::send(client, reply.data(), reply.size(), MSG_NOSIGNAL);
    ::close(client);
  }

  bool set(const std::string& text) {
    std::istringstream words(text);
    std::string setting;
    std::string who;
    double value = 0;
    if (!(words >> setting >> who >> value) || value < 0) return false;
    bool known = false;
    for (Port& port : ports_) {
      if (who != "all" && who != port.name) continue;
      known = true;
      if (setting == "delay") {
        port.delay = std::chrono::microseconds(static_cast<std::int64_t>(value));
      } else if (setting == "loss") {
        port.loss_percent = value;
      } else if (setting == "link") {
        port.up = value != 0;
      } else {
        return false;
      }
    }
    return known;
  }

  std::vector<Port> ports_;
  std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> waiting_;
  std::uint64_t number_ = 0;
  std::minstd_rand random_;
  std::uniform_real_distribution<> percent_{0, 100};
};

sockaddr_un address_of(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (std::strlen(path) >= sizeof address.sun_path) throw std::runtime_error("too long a path");
  std::strcpy(address.sun_path, path);
  return address;
}

[[noreturn]] void serve(const char* path, const std::vector<std::string>& texts) {
  std::vector<Port> ports;
  for (const auto& text : texts) ports.push_back(make_port(text));
  // It shares its cores with ranks that poll; a frame shall not wait for their time slices.
  ::prctl(PR_SET_TIMERSLACK, 1);
  const sched_param first{.sched_priority = 1};
  ::sched_setscheduler(0, SCHED_FIFO, &first);
  const int socket = require(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "socket");
  const auto address = address_of(path);
  require(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), path);
  require(::listen(socket, 8), path);
  Switch(std::move(ports)).serve(socket);
}

int set(const char* path, const std::string& text) {
  const int socket = require(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "socket");
  const auto address = address_of(path);
  require(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), path);
  require(static_cast<int>(::send(socket, text.data(), text.size(), 0)), path);
  std::array<char, 8> reply{};
  ::recv(socket, reply.data(), reply.size() - 1, 0);
  if (std::string(reply.data()) == "ok") return 0;
  std::fprintf(stderr, "vswitch: no such port or setting: %s\n", text.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::vector<std::string> arguments(argv, argv + argc);
  if (argc >= 4 && arguments[1] == "serve")
    serve(argv[2], {arguments.begin() + 3, arguments.end()});
  if (argc == 6 && arguments[1] == "set")
    return set(argv[2], arguments[3] + " " + arguments[4] + " " + arguments[5]);
  std::fprintf(stderr, "usage: vswitch serve SOCKET PORT,PID,MAC... | set SOCKET SETTING PORT N\n");
  return 2;
} catch (const std::exception& error) {
  std::fprintf(stderr, "vswitch: %s\n", error.what());
  return 1;
}
