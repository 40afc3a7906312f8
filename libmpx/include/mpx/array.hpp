#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>

#include "mpx/detail/sync_core.hpp"
#include "mpx/lock.hpp"

namespace mpx {

/// A row of values that all processes share: multiprocessing.Array. T is trivially copyable; the
/// number of elements is fixed.
///
/// An Array is a handle: copies name the same array, and a copy sent to another process goes on
/// naming it.
///
/// Ordering:      each operation is complete when it returns, and none is ever seen half done; so
///                reads and writes under get_lock() are sequentially consistent.
/// Thread safety: all members, from any thread of any process.
/// Cost:          it lives in the memory of its home, the rank that used it first. Each operation is
///                a round trip to it, and read and write move all their elements in one transfer.
template <class T>
class Array : public detail::Handle<Array<T>, detail::SyncCore> {
  static_assert(
      detail::has_bytes<T> && !std::is_pointer_v<T>,
      "mpx: an Array holds a trivially copyable type that is no pointer, reference, const "
      "or atomic; others go by Queue or Connection");

 public:
  using value_type = T;

  /// No elements.
  Array() : Array(std::size_t{0}) {}
  /// `n` elements of zero bytes; made at first use. Throws UsageError, there, if they do not fit
  /// into memory.
  explicit Array(std::size_t n) : Array(zeros(n)) {}
  /// A copy of these values.
  template <std::ranges::input_range Range>
  requires std::convertible_to<std::ranges::range_reference_t<Range>, T>
  explicit Array(const Range& values) : Array(copies(values)) {}
  Array(std::initializer_list<T> values) : Array(copies(values)) {}
  /// The array of that name in this job; see Named.
  explicit Array(const Named& name, std::size_t n = 0)
      : Array(Base::named(name, [&] { return zeros(n); })) {}
  template <std::ranges::input_range Range>
  requires std::convertible_to<std::ranges::range_reference_t<Range>, T>
  explicit Array(const Named& name, const Range& values)
      : Array(Base::named(name, [&] { return copies(values); })) {}

  [[nodiscard]] std::size_t size() const { return core_->array_bytes() / sizeof(T); }

  /// Element `index`. Throws std::out_of_range, as the others.
  [[nodiscard]] T load(std::size_t index) const {
    detail::Unset<T> value;
    check("load", index, 1);
    core_->read_array(index * sizeof(T), &value.bytes, sizeof(T));
    return value.bytes;
  }
  void store(std::size_t index, const T& value) const {
    check("store", index, 1);
    core_->write_array(index * sizeof(T), &value, sizeof value);
  }
  /// Fills `into` with the elements from `offset` on.
  void read(std::size_t offset, std::span<T> into) const {
    check("read", offset, into.size());
    if (!into.empty()) core_->read_array(offset * sizeof(T), into.data(), into.size_bytes());
  }
  /// Sets the elements from `offset` on.
  void write(std::size_t offset, std::span<const T> values) const {
    check("write", offset, values.size());
    if (!values.empty()) {
      core_->write_array(offset * sizeof(T), values.data(), values.size_bytes());
    }
  }

  /// The lock that goes with the array: `auto lock = a.get_lock(); std::scoped_lock guard(lock);`.
  [[nodiscard]] RecursiveLock get_lock() const { return detail::LockAccess::recursive(core_); }

 private:
  using Base = detail::Handle<Array, detail::SyncCore>;
  using Base::core_;
  friend Base;
  explicit Array(std::shared_ptr<detail::SyncCore> core) : Base(std::move(core)) {}

  static std::shared_ptr<detail::SyncCore> zeros(std::size_t n) {
    return detail::SyncCore::make_array(detail::bytes_of_array(n, sizeof(T)), {});
  }
  template <class Range>
  static std::shared_ptr<detail::SyncCore> copies(const Range& values) {
    detail::Bytes bytes;
    for (const T value : values) {
      const auto* const raw = reinterpret_cast<const std::byte*>(&value);
      bytes.insert(bytes.end(), raw, raw + sizeof(T));
    }
    const auto size = bytes.size();
    return detail::SyncCore::make_array(size, {std::move(bytes), {}});
  }
  void check(const char* what, std::size_t offset, std::size_t count) const {
    detail::check_array_bounds(what, offset, count, size());
  }
};

}  // namespace mpx
