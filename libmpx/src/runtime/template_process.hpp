#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "core/channel.hpp"
#include "core/unique_fd.hpp"
#include "runtime/stop_signal.hpp"
#include "runtime/template.hpp"

namespace mpx::detail {

/// First part of each message from a rank to its template; for a child, `cpu_count` ints and
/// `env_bytes` bytes of "NAME=value\0" follow, and the descriptors of its channel travel with it.
struct TemplateCommand {
  enum class Operation : std::uint32_t { spawn, signal };
  Operation operation = Operation::spawn;
  std::int32_t signo = 0;
  std::uint64_t serial = 0;
  std::uint64_t memory_bytes = 0;
  std::uint32_t cpu_count = 0;
  std::uint32_t env_bytes = 0;
};
inline constexpr std::size_t kMaxCommandBytes = 64 * 1024;

/// What runs in the template: takes commands, forks, reaps, reports. Has one thread, and ignores
/// all signals that it can, since launchers signal whole groups.
class TemplateProcess {
 public:
  /// `rank` is the process that forked this one, `group` its process group.
  TemplateProcess(UniqueFd socket, pid_t rank, pid_t group, Template::ChildMain child_main);

  /// Returns never: ends the process when the rank has ended or wants it.
  [[noreturn]] void run() noexcept;

 private:
  struct Child {
    std::uint64_t serial = 0;
    AnnouncedSignals* announced = nullptr;
  };

  void isolate();
  bool take_commands();
  void spawn(const TemplateCommand& command, ByteView rest, std::vector<UniqueFd> fds);
  void signal(const TemplateCommand& command);
  [[noreturn]] void become_child(const TemplateCommand& command, ByteView rest, ChannelFds fds,
                                 const AnnouncedSignals* announced) noexcept;
  void reap();
  void report(const Template::Event& event);
  void flush();
  AnnouncedSignals* take_slot();
  [[noreturn]] void end(int status) noexcept;

  UniqueFd socket_;
  UniqueFd signals_;
  pid_t self_;
  pid_t rank_;
  pid_t group_;
  Template::ChildMain child_main_;
  char name_of_rank_[16] = {};
  std::unordered_map<pid_t, Child> children_;
  std::unordered_map<std::uint64_t, pid_t> pids_;  // by serial
  std::deque<Template::Event> unsent_;
  std::vector<AnnouncedSignals*> free_slots_;
  std::array<std::byte, kMaxCommandBytes> buffer_;
};

}  // namespace mpx::detail
