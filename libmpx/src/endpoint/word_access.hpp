#pragma once

#include <sched.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/forks.hpp"
#include "endpoint/calls.hpp"
#include "endpoint/context.hpp"
#include "endpoint/waits.hpp"
#include "mpx/detail/deadline.hpp"
#include "wire/shared_block.hpp"
#include "wire/word_map.hpp"

namespace mpx::detail {

/// Tells the processor that a loop waits for memory to change.
inline void pause_processor() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// How a process works on words: by itself, without the client's mutex, on those in its memory; under it on
/// those that its link reaches; for the rest its rank or the word's home does, and is waited for.
///
/// Thread safety: from any thread, without the client's mutex, unless said otherwise.
/// Failure:       UsageError if there is no such word, or no call is served.
/// Cost:          an atomic; or an operation of Words; or one round trip.
class WordAccess {
 public:
  WordAccess(Context& context, Waits& waits, Calls& calls)
      : context_(context), waits_(waits), calls_(calls) {}
  WordAccess(const WordAccess&) = delete;
  WordAccess& operator=(const WordAccess&) = delete;

  /// Before all else, once. `permits`: where a process notes what it holds for the time after its death;
  /// null: it is a rank.
  void attach(const Link& link, PermitNotes* permits) MPX_REQUIRES(client_mutex);
  /// Calls are about to be served no longer: from now on words in memory are no exception.
  void end() { map_ = nullptr; }

  // Each returns what the word was.

  std::uint64_t load(WordRef word) { return work({word, WordRequest::Operation::load}); }
  std::uint64_t exchange(WordRef word, std::uint64_t value) {
    return work({word, WordRequest::Operation::exchange, value});
  }
  std::uint64_t add(WordRef word, std::uint64_t value, WordNumber number) {
    return work(
        {.word = word, .operation = WordRequest::Operation::add, .value = value, .number = number});
  }
  std::uint64_t compare_exchange(WordRef word, std::uint64_t expected, std::uint64_t desired) {
    return work({word, WordRequest::Operation::compare_exchange, desired, expected});
  }
  /// The same by the rank of this process; if it succeeds, the rank notes that this process holds so
  /// many permits more of the semaphore.
  std::uint64_t compare_exchange(WordRef word, std::uint64_t expected, std::uint64_t desired,
                                 const ObjectId& semaphore, std::int64_t permits) {
    return work_far({word, WordRequest::Operation::compare_exchange, desired, expected, permits},
                    semaphore);
  }

  /// Calls `enough(word)` with `seen`, then, where this process reaches the word itself, with what it
  /// becomes, for a short while at most: until that is true or the deadline has come. Who holds what
  /// others want is often done before they could be put to sleep and woken. `enough` is called
  /// without the mutex and may work on the word.
  template <class Enough>
  void watch(WordRef word, std::uint64_t seen, Deadline deadline, Enough enough);

  /// Whether a wait with this deadline is left to the home of the word: where only the home works on it,
  /// and where an operation on it is a message, whose answer may come later than that.
  [[nodiscard]] bool leaves_to_home(WordRef word, Deadline deadline) {
    if (mapped(word) != nullptr) return false;
    const ClientLock lock(context_.mutex());
    return leaves(word, deadline);
  }
  /// As compare_exchange(), but nothing where leaves_to_home(): at the cost of one of the two.
  std::optional<std::uint64_t> compare_exchange_unless_left(WordRef word, std::uint64_t expected,
                                                            std::uint64_t desired,
                                                            Deadline deadline) {
    const WordRequest request{word, WordRequest::Operation::compare_exchange, desired, expected};
    if (auto* const place = mapped(word)) return perform(request, *place);
    return work_unless_left(request, deadline);
  }

  /// Where this process notes its permits of a semaphore with this word, until done_with(), which is
  /// called under the mutex; null where it does not do that itself.
  PermitNote* note_of(WordRef word, const ObjectId& semaphore);
  void done_with(PermitNote* note) MPX_REQUIRES(client_mutex);

 private:
  std::uint64_t work(const WordRequest& request) {
    if (auto* const place = mapped(request.word)) return perform(request, *place);
    return work_far(request, {});
  }
  std::uint64_t work_far(const WordRequest& request, const ObjectId& object);
  std::optional<std::uint64_t> work_unless_left(const WordRequest& request, Deadline deadline);
  std::optional<std::uint64_t> work_here(const WordRequest& request) MPX_REQUIRES(client_mutex);
  std::uint64_t ask(const WordRequest& request, const ObjectId& object);
  [[nodiscard]] bool leaves(WordRef word, Deadline deadline) const MPX_REQUIRES(client_mutex);
  [[nodiscard]] std::uint64_t* mapped(WordRef word) const {
    const auto* const map = map_.load(std::memory_order_acquire);
    return map != nullptr && !is_forked_copy() ? map->at(word) : nullptr;
  }
  std::optional<std::uint64_t> peek(WordRef word);

  Context& context_;
  Waits& waits_;
  Calls& calls_;
  std::atomic<const WordMap*> map_ = nullptr;  // null once calls are no longer served
  std::uint32_t operations_ MPX_GUARDED_BY(client_mutex) = 0;
  PermitNotes* permits_ MPX_GUARDED_BY(client_mutex) = nullptr;
  std::vector<bool> noted_ MPX_GUARDED_BY(client_mutex);  // permits_ that somebody uses
};

template <class Enough>
void WordAccess::watch(WordRef word, std::uint64_t seen, Deadline deadline, Enough enough) {
  // With a core to spare the time decides, else the looks, each of which gives the core away.
  constexpr int kLooks = 300, kEagerLooks = 200;
  constexpr auto kWatch = std::chrono::microseconds(200);
  constexpr auto kLongest = std::chrono::milliseconds(10);
  std::optional<Deadline> soon, end;
  for (int look = 0; !enough(seen); ++look) {
    const auto now = peek(word);
    if (!now) return;
    seen = *now;
    if (look < kEagerLooks) {
      pause_processor();
      continue;
    }
    if (!end) {
      soon = Deadline::after(kWatch);
      end = Deadline::after(kLongest);
    }
    if (end->passed() || deadline.passed() || (look >= kLooks && soon->passed())) return;
    if (look % 16 == 0) {
      const ClientLock lock(context_.mutex());
      waits_.look();
    }
    ::sched_yield();  // the holder may wait for this core
  }
}

}  // namespace mpx::detail
