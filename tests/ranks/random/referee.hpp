#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mpx/mpx.hpp>
#include <mutex>
#include <thread>
#include <vector>

#include "ranks/random/actor.hpp"
#include "ranks/random/history.hpp"

namespace mpx_random {

/// Beside a program that runs, a thread of the main process: kills and stops processes when it is
/// time; frees those that have come to wait for each other, as they may; ends the job when one
/// waits for what must come.
class Referee {
 public:
  Referee(const Program& program, Board& board, std::vector<mpx::Queue<Item>> queues);
  ~Referee();

  /// A process has been started.
  void started(int process, const mpx::Process& handle);
  /// One has been joined.
  void ended(int process, int exit_code);
  /// The main process has kept a copy of an end: till nothing else helps.
  void keep(int end, mpx::Connection copy);
  /// Blocks until it has given up what it kept and done all that it was about to do.
  void settle();

  /// What is known by now.
  History history();

 private:
  struct Watched {
    mpx::Process handle;
    pid_t pid = 0;
    std::int64_t started_at = 0, stopped_at = 0;
    bool killed = false, stopped = false;
    Fate fate;
  };
  void watch(const std::stop_token& stop);
  void post(std::function<void()> action);
  void act(const std::stop_token& stop);
  void drop_kept();
  void interfere();
  void kill(int process, bool by_library);
  bool gone(Watched& watched) const;
  bool all_wait(const History& history);
  bool free_somebody();
  [[noreturn]] void give_up(const History& history, const char* why);

  const Program& program_;
  Board& board_;
  Actor actor_;
  const std::int64_t start_ = now_ns();
  std::mutex mutex_;  // guards what follows
  std::vector<Watched> watched_;
  std::vector<std::pair<int, mpx::Connection>> kept_;
  std::vector<std::int64_t> kept_until_;
  bool closed_all_ = false;
  std::deque<std::function<void()>> actions_;  // calls of libmpx: not in the thread that watches
  bool acting_ = false;
  std::condition_variable_any changed_;
  std::uint64_t steps_ = 0;
  std::int64_t last_step_ = now_ns();
  std::jthread hand_, thread_;  // last: they use the others
};

}  // namespace mpx_random
