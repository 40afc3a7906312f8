#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "ranks/random/program.hpp"

namespace mpx_random {

enum class Outcome : std::uint8_t { under_way, ok, none, closed, lost, bad };
const char* name_of(Outcome outcome);

/// One operation as it went. The actor writes it before and after, so that what a killed process
/// had under way is known.
struct Record {
  std::int64_t begin = 0, end = 0;  // ns of the monotonic clock
  OpKind kind{};
  std::atomic<Outcome> outcome{};  // written last
  std::int16_t object = -1;        // queue, end or process
  std::int16_t moved_end = -1;     // the end that is in the item
  std::int16_t from_actor = -1;    // of the item that was got: who put it
  std::uint32_t number = 0;        // the item's, of its actor
  std::uint32_t bytes = 0;
  std::int64_t value = 0;  // limit_us, or what the operation returned
};

inline constexpr int kNobody = -1, kInFlight = -2;
inline constexpr std::uint32_t kMostRecords = 4000;

struct ActorLog {
  std::atomic<std::uint32_t> count{0};  // of records
  std::atomic<std::uint64_t> steps{0};  // grows with all that the actor does
  std::atomic<bool> over{false};        // its operations are
  std::atomic<bool> done{false};        // and it has given up what it had
  std::atomic<bool> faulty{false};
  std::array<char, 400> fault{};  // what it has found wrong itself
  std::array<Record, kMostRecords> records{};
};

/// What the processes of a program tell: in memory that all share, and that outlives each of them.
struct Board {
  std::array<std::atomic<bool>, kMostQueues> queue_closing{};  // somebody has called close()
  std::array<std::atomic<bool>, kMostQueues> queue_closed{};   // … which has returned
  std::array<std::atomic<int>, kMostEnds> holders{};           // of the end, in flight included
  std::array<std::atomic<int>, kMostEnds> where{};             // the actor that has it
  std::array<ActorLog, kMostActors> actors;
};

/// A Board in memory without a name, which other processes of the machine can map, too.
class SharedBoard {
 public:
  SharedBoard();                                  // a new one
  explicit SharedBoard(const std::string& path);  // one that another process has made
  ~SharedBoard();
  SharedBoard(const SharedBoard&) = delete;
  SharedBoard& operator=(const SharedBoard&) = delete;

  Board& operator*() const { return *board_; }
  Board* operator->() const { return board_; }
  /// For other processes, as long as this one lives.
  [[nodiscard]] std::string path() const;

 private:
  int fd_;
  Board* board_;
};

std::int64_t now_ns();

}  // namespace mpx_random
