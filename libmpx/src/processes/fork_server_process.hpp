#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/unique_fd.hpp"
#include "processes/fork_server_protocol.hpp"
#include "processes/spawner.hpp"
#include "processes/stop_signal.hpp"

namespace mpx::detail {

/// What runs in the fork server: takes commands, forks, reaps, reports. Has one thread, and ignores
/// all signals that it can, since launchers signal whole groups.
class ForkServerProcess {
 public:
  /// `rank` is the process that forked this one, `group` its process group.
  ForkServerProcess(UniqueFd socket, pid_t rank, pid_t group, ChildMain child_main);

  /// Returns never: ends the process when the rank has ended or wants it.
  [[noreturn]] void run() noexcept;

 private:
  struct Child {
    std::uint64_t serial = 0;
    AnnouncedSignals* announced = nullptr;
  };

  void isolate();
  bool take_commands();
  void spawn(const ForkServerCommand& command, ByteView rest, std::vector<UniqueFd> fds);
  void signal(const ForkServerCommand& command);
  void map_words(ByteView layout, std::vector<UniqueFd> fds);
  [[noreturn]] void become_child(const ForkServerCommand& command, ByteView rest, ChannelFds fds,
                                 const AnnouncedSignals* announced) noexcept;
  void reap();
  void report(const SpawnEvent& event);
  void flush();
  AnnouncedSignals* take_slot();
  [[noreturn]] void end(int status) noexcept;

  UniqueFd socket_;
  UniqueFd signals_;
  pid_t self_;
  pid_t rank_;
  pid_t group_;
  ChildMain child_main_;
  std::unique_ptr<const MappedWords> words_;
  char name_of_rank_[16] = {};
  std::unordered_map<pid_t, Child> children_;
  std::unordered_map<std::uint64_t, pid_t> pids_;  // by serial
  std::deque<SpawnEvent> unsent_;
  std::vector<AnnouncedSignals*> free_slots_;
  std::array<std::byte, kMaxCommandBytes> buffer_;
};

}  // namespace mpx::detail
