#pragma once

#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include "mpx/detail/sync_core.hpp"
#include "mpx/lock.hpp"

namespace mpx {

/// One value that all processes share: multiprocessing.Value. T is trivially copyable.
///
/// A Value is a handle: copies name the same value, and a copy sent to another process goes on
/// naming it.
///
/// Ordering:      each operation is atomic, and complete when it returns.
/// Thread safety: all members, from any thread of any process.
/// Cost:          T of at most 8 bytes: one atomic operation on a word, within a node by the
///                processor, from another node by a message and its answer. Larger: a round trip to
///                the value's home.
template <class T>
class Value : public detail::Handle<Value<T>, detail::SyncCore> {
  static_assert(detail::has_bytes<T>,
                "mpx: a Value holds a trivially copyable type that is no reference, const or "
                "atomic (it is atomic itself); others go by Queue or Connection");

 public:
  using value_type = T;

  /// Made at first use, on the rank that uses it first.
  Value() : Value(detail::default_of<T>()) {}
  explicit Value(const T& initial) : Value(detail::SyncCore::make_value(bytes_of(initial))) {}
  /// The value of that name in this job; see Named.
  explicit Value(const Named& name, const T& initial = detail::default_of<T>())
      : Value(Base::named(name, [&] { return detail::SyncCore::make_value(bytes_of(initial)); })) {}

  [[nodiscard]] T load() const {
    detail::Unset<T> value;
    ready().load_value(&value.bytes, sizeof(T));
    return value.bytes;
  }
  void store(const T& value) const { ready().store_value(&value, sizeof value); }
  /// Stores `value` and returns the old one.
  T exchange(T value) const {
    ready().exchange_value(&value, sizeof value);
    return value;
  }
  /// Stores `desired` if the value's bytes equal those of `expected`; else sets `expected` to the
  /// value.
  bool compare_exchange(T& expected, const T& desired) const {
    return ready().compare_exchange_value(&expected, &desired, sizeof expected);
  }
  /// Adds and returns the old value. Integers wrap around.
  T fetch_add(const T& by) const requires std::is_arithmetic_v<T> {
    if constexpr (detail::is_word_number<T>) {
      std::uint64_t word = 0;
      std::memcpy(&word, &by, sizeof by);
      word = ready().fetch_add_value(detail::word_number<T>(), word);
      T old;
      std::memcpy(&old, &word, sizeof old);
      return old;
    } else {
      T old = load();
      while (!compare_exchange(old, static_cast<T>(old + by))) {
      }
      return old;
    }
  }

  /// The lock that goes with the value: `auto lock = v.get_lock(); std::scoped_lock guard(lock);`.
  [[nodiscard]] RecursiveLock get_lock() const { return detail::LockAccess::recursive(core_); }

 private:
  using Base = detail::Handle<Value, detail::SyncCore>;
  using Base::core_;
  friend Base;
  explicit Value(std::shared_ptr<detail::SyncCore> core) : Base(std::move(core)) {}

  static detail::Payload bytes_of(const T& value) {
    detail::Bytes bytes(sizeof value);
    std::memcpy(bytes.data(), &value, sizeof value);
    return {std::move(bytes), {}};
  }
  detail::SyncCore& ready() const {
    static_cast<void>(core_->id());  // where it lives is known from then on
    return *core_;
  }
};

}  // namespace mpx
