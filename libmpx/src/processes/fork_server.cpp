#include "processes/fork_server.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <span>

#include "core/fd_passing.hpp"
#include "core/heap.hpp"
#include "core/log.hpp"
#include "core/pack.hpp"
#include "mpx/error.hpp"
#include "processes/fork_server_process.hpp"
#include "processes/fork_server_protocol.hpp"
#include "processes/start_conditions.hpp"

namespace mpx::detail {

namespace {

#ifdef __SANITIZE_THREAD__
constexpr std::ptrdiff_t kOwnThreads = 2;  // ThreadSanitizer runs one of its own
#else
constexpr std::ptrdiff_t kOwnThreads = 1;
#endif

std::ptrdiff_t thread_count() {
  std::error_code error;
  const std::filesystem::directory_iterator tasks("/proc/self/task", error);
  return error ? 1 : std::distance(begin(tasks), end(tasks));
}

template <class T>
void append(std::vector<std::byte>& to, const T* from, std::size_t count) {
  const auto bytes = std::as_bytes(std::span(from, count));
  to.insert(to.end(), bytes.begin(), bytes.end());
}

}  // namespace

std::unique_ptr<ForkServer> ForkServer::start(ChildMain child_main) {
  open_standard_descriptors();
  if (const auto threads = thread_count(); threads > kOwnThreads) {
    throw LaunchError(
        fmt::format("cannot prepare to start processes: the program already has {} threads, and a "
                    "process forked now would have lost all but one; call mpx::run or mpx::prepare "
                    "first thing in main, before MPI_Init and before anything starts threads",
                    threads));
  }
  keep_freed_memory();  // in the processes to come, too
  raise_open_files();
  auto [ours, theirs] = socket_pair();
  // What is buffered now would otherwise be written once by every child.
  for (std::ostream* stream : {&std::cout, &std::cerr, &std::clog}) stream->flush();
  std::fflush(nullptr);
  const pid_t rank = ::getpid();
  const pid_t group = ::getpgrp();
  const pid_t pid = ::fork();
  if (pid < 0) {
    throw LaunchError(fmt::format("cannot fork the fork server: {}", std::strerror(errno)));
  }
  if (pid == 0) {
    ours.reset();
    ForkServerProcess(std::move(theirs), rank, group, std::move(child_main)).run();
  }
  return std::unique_ptr<ForkServer>(new ForkServer(std::move(ours), pid, rank));
}

ForkServer::ForkServer(UniqueFd socket, pid_t pid, pid_t owner)
    : socket_(std::move(socket)), pid_(pid), owner_(owner) {}

ForkServer::~ForkServer() { stop(); }

void ForkServer::spawn(std::uint64_t serial, ChannelFds fds, const SpawnOptions& options) {
  if (pid_ < 0) return;
  std::string env;
  for (const auto& [name, value] : options.env) env.append(name + '=' + value).push_back('\0');
  ForkServerCommand command;
  command.operation = ForkServerCommand::Operation::spawn;
  command.serial = serial;
  command.memory_bytes = options.memory_bytes;
  command.cpu_count = static_cast<std::uint32_t>(options.cpus.size());
  command.env_bytes = static_cast<std::uint32_t>(env.size());
  std::vector<std::byte> message;
  append(message, &command, 1);
  append(message, options.cpus.data(), options.cpus.size());
  append(message, env.data(), env.size());
  if (message.size() > kMaxCommandBytes) {
    throw UsageError(fmt::format(
        "the environment and cores of a process take {} bytes; at most {} can be passed",
        message.size(), kMaxCommandBytes));
  }
  const int passed[] = {fds.memory.get(), fds.socket.get()};
  send_fds(socket_.get(), message, passed);
}

void ForkServer::share(const SharedWords* words) {
  if (pid_ < 0) return;
  ForkServerCommand command;
  command.operation = ForkServerCommand::Operation::words;
  const auto layout = words != nullptr ? Packer::pack(words->layout) : Bytes();
  std::vector<std::byte> message;
  append(message, &command, 1);
  if (message.size() + layout.size() > kMaxCommandBytes) {
    log_warn("processes ask their rank for words: the {} ranks of this node are too many",
             words->layout.ranks.size());
    words = nullptr;
  } else {
    append(message, layout.data(), layout.size());
  }
  const int memory = words != nullptr ? words->memory.get() : -1;
  send_fds(socket_.get(), message, std::span(&memory, words != nullptr ? 1 : 0));
}

void ForkServer::signal(std::uint64_t serial, int signo) {
  if (pid_ < 0) return;
  ForkServerCommand command;
  command.operation = ForkServerCommand::Operation::signal;
  command.serial = serial;
  command.signo = signo;
  send_fds(socket_.get(), std::as_bytes(std::span(&command, 1)), {});
}

std::vector<SpawnEvent> ForkServer::poll() {
  std::vector<SpawnEvent> events;
  while (pid_ >= 0) {
    SpawnEvent event;
    const auto message = recv_fds(socket_.get(), std::as_writable_bytes(std::span(&event, 1)));
    if (message.state == ReceivedMessage::State::nothing_yet) break;
    if (message.state == ReceivedMessage::State::message) {
      events.push_back(event);
      continue;
    }
    event = {SpawnEvent::Type::server_died, 0, pid_, 0};
    reap(&event.status);
    events.push_back(event);
  }
  return events;
}

// The fork server is about to end, or has: its end of the socket was closed by its death, or it has
// been told to.
void ForkServer::reap(int* status) noexcept {
  while (::waitpid(pid_, status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void ForkServer::stop() noexcept {
  if (pid_ < 0 || owner_ != ::getpid()) return;
  ::shutdown(socket_.get(), SHUT_RDWR);
  ::kill(pid_, SIGCONT);  // somebody may have stopped it
  int status = 0;
  reap(&status);
  socket_.reset();
}

}  // namespace mpx::detail
