#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "mpx/detail/decode_value.hpp"
#include "mpx/detail/handle.hpp"
#include "mpx/detail/queue_core.hpp"
#include "mpx/duration.hpp"
#include "mpx/error.hpp"
#include "mpx/rank.hpp"

namespace mpx {

/// How a Queue is made.
struct QueueOptions {
  /// Items that it holds at most; 0: no bound. One that comes back from a process which was killed
  /// while it took it may be one more.
  std::size_t capacity = 0;
  /// Bytes of items that wait at its home before put() blocks.
  std::size_t budget_bytes = std::size_t{256} << 20;
  /// The rank that keeps the items; none: rank 0, or in a Session a rank that serves. The first use
  /// throws UsageError if there is no such rank.
  std::optional<Rank> home = {};
};

/// First-in first-out hand-over of values between processes: multiprocessing.Queue.
///
/// A Queue is a handle: copies name the same queue, and a copy sent to another process goes on
/// naming it.
///
/// Ordering:      items from one producer come out in the order it put them.
/// Thread safety: all members, from any thread of any process.
/// Failure:       after close(), put() throws Closed, and get() too once the queue is drained. What
///                a process puts into an unbounded queue before it learns that another one has
///                closed it is dropped; the next put() or flush() throws Closed and says how many,
///                or else the log when the process has ended. What a process had not taken when it
///                died stays in the queue.
/// Cost:          put() to an unbounded queue sends one message, and with the first and every 256th a
///                question; it waits while the queue is over its budget, or has not answered for 16,384 items or
///                1 MiB. So it learns of close() as a rule after 512 items, and after those 16,384
///                or 1 MiB at the latest. get() is one round trip; a process that gets alone is
///                handed items ahead, so that most gets cost nothing.
template <class T>
class Queue : public detail::Handle<Queue<T>, detail::QueueCore> {
  static_assert(std::is_object_v<T> && std::is_same_v<T, std::decay_t<T>> && !std::is_abstract_v<T>,
                "mpx: a Queue holds values: its type is no reference, const, void, array or "
                "abstract class; for objects of derived classes take a std::unique_ptr of the base "
                "and <boost/serialization/unique_ptr.hpp>");

 public:
  using value_type = T;

  /// An unbounded queue; made at first use.
  Queue() : Queue(QueueOptions{}) {}
  explicit Queue(QueueOptions options) : Queue(make(options)) {}
  /// Refused: `Queue<T>(QueueOptions{.capacity = n})`.
  template <std::integral N>
  explicit Queue(N /*capacity*/) : Queue() {
    static_assert(std::is_void_v<N>,
                  "mpx: the capacity of a queue is an option: "
                  "Queue<T>(QueueOptions{.capacity = n})");
  }
  /// The queue of that name in this job; see Named.
  explicit Queue(const Named& name, QueueOptions options = {})
      : Queue(Base::named(name, [&] { return make(options); })) {}

  /// Adds a copy of `item`. Blocks while there is no room. Throws Closed; what encoding throws
  /// leaves the queue as it was.
  void put(const T& item) const {
    static_cast<void>(core_->put(detail::encode(item), detail::Deadline::never()));
  }
  /// As put(), but never waits for room: false if there is none.
  [[nodiscard]] bool try_put(const T& item) const {
    return core_->put(detail::encode(item), detail::Deadline::now());
  }
  /// As put(), but waits at most `timeout` for room.
  [[nodiscard]] bool try_put_for(const T& item, Duration timeout) const {
    return core_->put(detail::encode(item), detail::Deadline::after(timeout));
  }

  /// Removes and returns the first item. Blocks until there is one. Throws Closed; CodecError if
  /// another program put something else.
  T get() const {
    if constexpr (detail::require_received<T>()) {
      return *decoded(core_->get(detail::Deadline::never()));
    }
  }
  /// As get(), but never waits for an item.
  [[nodiscard]] std::optional<T> try_get() const {
    if constexpr (detail::require_received<T>()) {
      return decoded(core_->get(detail::Deadline::now()));
    }
  }
  /// As get(), but waits at most `timeout`.
  [[nodiscard]] std::optional<T> try_get_for(Duration timeout) const {
    if constexpr (detail::require_received<T>()) {
      return decoded(core_->get(detail::Deadline::after(timeout)));
    }
  }

  /// Items in the queue; as all such answers, true at some moment of the call. One round trip.
  [[nodiscard]] std::size_t size() const { return core_->info().size; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] bool full() const {
    const auto info = core_->info();
    return info.capacity != 0 && info.size >= info.capacity;
  }

  /// No more items: for all processes.
  void close() const { core_->close(); }
  /// Blocks until all that this process has put is in the queue. Throws Closed if some of it was
  /// dropped, as the queue was closed. One round trip.
  void flush() const { core_->flush(); }

 private:
  using Base = detail::Handle<Queue, detail::QueueCore>;
  using Base::core_;
  friend Base;
  explicit Queue(std::shared_ptr<detail::QueueCore> core) : Base(std::move(core)) {}

  static std::shared_ptr<detail::QueueCore> make(const QueueOptions& options) {
    detail::QueueSettings settings{options.capacity, options.budget_bytes, {}};
    if (options.home) settings.home = options.home->number();
    return detail::QueueCore::make(settings);
  }
  static std::optional<T> decoded(std::optional<detail::Payload> item) {
    if (!item) return std::nullopt;
    return detail::decode_value<T>(*item);
  }
};

}  // namespace mpx
