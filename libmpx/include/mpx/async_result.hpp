#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "mpx/detail/encode.hpp"
#include "mpx/detail/pool_core.hpp"
#include "mpx/duration.hpp"
#include "mpx/error.hpp"

namespace mpx {

template <class R>
class AsyncResult;

namespace detail {

/// Where results are kept until all are there: one, or a row.
template <class T>
struct OneResult {
  std::optional<T> value;
  explicit OneResult(std::size_t /*size*/) {}
  void set(std::size_t /*index*/, T result) { value.emplace(std::move(result)); }
  T& get() { return *value; }
};
template <class T>
requires std::default_initializable<T>
struct RowOfResults {
  std::vector<T> value;
  explicit RowOfResults(std::size_t size) : value(size) {}
  void set(std::size_t index, T result) { value[index] = std::move(result); }
  std::vector<T>& get() { return value; }
};
/// A type without a default waits in optionals.
template <class T>
struct RowOfOptionals {
  std::vector<std::optional<T>> parts;
  std::vector<T> value;
  explicit RowOfOptionals(std::size_t size) : parts(size) {}
  void set(std::size_t index, T result) { parts[index].emplace(std::move(result)); }
  std::vector<T>& get() {
    if (!parts.empty()) {
      value.reserve(parts.size());
      for (auto& part : parts) value.push_back(std::move(*part));
      parts.clear();
    }
    return value;
  }
};

template <class R>
inline constexpr bool is_async_result<AsyncResult<R>> = true;

/// R, or void where an R could not be received, which is refused with the reason.
template <class R>
consteval auto received_type() {
  if constexpr (std::is_void_v<R>) {
    return std::type_identity<void>{};
  } else if constexpr (require_received<R>()) {
    return std::type_identity<R>{};
  } else {
    return std::type_identity<void>{};
  }
}
template <class R>
using received_t = typename decltype(received_type<R>())::type;

/// Whether `call` may be called with an Argument; with nothing, where that is void.
template <class Call, class Argument>
inline constexpr bool takes = std::is_invocable_v<Call&, Argument>;
template <class Call>
inline constexpr bool takes<Call, void> = std::is_invocable_v<Call&>;

/// std::vector claims to be copyable whatever it holds.
template <class T>
inline constexpr bool holds_move_only = false;
template <class T>
inline constexpr bool holds_move_only<std::vector<T>> = !std::copy_constructible<T>;

template <class T, bool has_default>
struct RowOf {
  using Type = RowOfOptionals<T>;
};
template <class T>
struct RowOf<T, true> {
  using Type = RowOfResults<T>;
};

/// What keeps the results of a task (of many) that returns R, and what get() returns.
template <class R, bool many>
struct ResultKind {
  using Store = typename RowOf<R, std::default_initializable<R>>::Type;
  using Public = std::vector<R>;
};
template <class R>
requires(!std::is_void_v<R>) struct ResultKind<R, false> {
  using Store = OneResult<R>;
  using Public = R;
};
template <bool many>
struct ResultKind<void, many> {
  using Store = void;
  using Public = void;
};

template <class Public, class Store>
struct ResultState {
  std::shared_ptr<BatchCore> batch;
  std::shared_ptr<Store> store;
};

template <class R, bool many>
auto make_result_state(std::size_t size) {
  using Kind = ResultKind<R, many>;
  using Store = typename Kind::Store;
  ResultState<typename Kind::Public, Store> state;
  if constexpr (std::is_void_v<R>) {
    state.batch = std::make_shared<BatchCore>(size, [](std::size_t&, std::size_t, ByteView) {});
  } else {
    state.store = std::make_shared<Store>(size);
    const auto take = [store = state.store](std::size_t& at, std::size_t count, ByteView values) {
      const auto each = values.size() / count;
      for (std::size_t i = 0; i < count; ++i, ++at)
        store->set(at, decode<R>(values.subspan(i * each, each)));
    };
    state.batch = std::make_shared<BatchCore>(size, take);
  }
  return state;
}

template <class Public, class Store>
AsyncResult<Public> to_async_result(ResultState<Public, Store> state);

}  // namespace detail

/// A result, or all results of a map, on the way: multiprocessing.pool.AsyncResult.
///
/// A handle of this process: copies name the same result. It does not travel.
///
/// Thread safety: all members.
template <class R>
class AsyncResult {
 public:
  /// Blocks until the result is there, and returns a copy, or throws the task's exception. Of a
  /// type that cannot be copied, the first call takes it, and a further one throws UsageError.
  R get() & {
    batch_->wait(detail::Deadline::never());
    return take();
  }
  /// As get(), but does not copy where this is the last handle of the result.
  R get() && {
    batch_->wait(detail::Deadline::never());
    return take(batch_.use_count() == 1);
  }
  /// As get(), but waits at most `timeout`; of void, whether the tasks are done.
  [[nodiscard]] auto try_get_for(Duration timeout) {
    const bool done = batch_->wait(detail::Deadline::after(timeout));
    if constexpr (std::is_void_v<R>) {
      if (done) take();
      return done;
    } else {
      return done ? std::optional<R>(take()) : std::nullopt;
    }
  }
  /// Blocks until the result, or an exception, is there.
  void wait() const { batch_->wait(detail::Deadline::never()); }
  [[nodiscard]] bool wait_for(Duration timeout) const {
    return batch_->wait(detail::Deadline::after(timeout));
  }
  [[nodiscard]] bool ready() const { return batch_->ready(); }
  /// Whether no task threw. Throws UsageError before ready().
  [[nodiscard]] bool successful() const {
    if (!ready()) throw UsageError("successful() of an AsyncResult that is not ready");
    batch_->wait(detail::Deadline::never());
    return !batch_->first_error();
  }

  /// Has `on_value(result)` (of void: `on_value()`), or `on_error(std::exception_ptr)`, called once
  /// when the result is there, on the thread that drives the caller's runtime: one that waits in mpx,
  /// or one of mpx's. What they throw is logged as an error and goes no further.
  template <class OnValue, class OnError = std::nullptr_t>
  AsyncResult then(OnValue on_value, OnError on_error = {}) const {
    constexpr bool kTakesValue = detail::takes<OnValue, R>;
    constexpr bool kTakesError =
        std::is_null_pointer_v<OnError> || detail::takes<OnError, const std::exception_ptr&>;
    constexpr bool kCopies = std::copy_constructible<OnValue> && std::copy_constructible<OnError>;
    static_assert(kTakesValue,
                  "mpx: the first function given to then() is called with the result, or with "
                  "nothing where the task returns void: let it take that");
    static_assert(kTakesError,
                  "mpx: the second function given to then() is called with a std::exception_ptr: "
                  "let it take that, and std::rethrow_exception it to see which exception it is");
    static_assert(kCopies,
                  "mpx: what is given to then() must be copyable: let it capture a std::shared_ptr "
                  "where it has to hold what cannot be copied");
    if constexpr (kTakesValue && kTakesError && kCopies) {
      batch_->when_ready(
          [self = *this, on_value = std::move(on_value), on_error = std::move(on_error)]() mutable {
            self.wait();
            if (const auto error = self.batch_->first_error()) {
              if constexpr (!std::is_null_pointer_v<OnError>) on_error(error);
            } else if constexpr (std::is_void_v<R>) {
              on_value();
            } else {
              on_value(self.take());
            }
          });
    }
    return *this;
  }

 private:
  template <class Public, class Store>
  friend AsyncResult<Public> detail::to_async_result(detail::ResultState<Public, Store> state);

  using Stored = std::conditional_t<std::is_void_v<R>, std::monostate, R>;
  AsyncResult(std::shared_ptr<detail::BatchCore> batch, std::function<Stored&()> stored)
      : batch_(std::move(batch)),
        stored_(std::move(stored)),
        taken_(std::make_shared<bool>(false)) {}

  R take(bool last = false) {
    if (const auto error = batch_->first_error()) std::rethrow_exception(error);
    if constexpr (!std::is_void_v<R>) {
      if constexpr (std::copy_constructible<R> && !detail::holds_move_only<R>) {
        return last ? R(std::move(stored_())) : R(stored_());
      } else {
        if (std::exchange(*taken_, true))
          throw UsageError("the result of this AsyncResult has been taken, and cannot be copied");
        return std::move(stored_());
      }
    }
  }

  std::shared_ptr<detail::BatchCore> batch_;
  std::function<Stored&()> stored_;
  std::shared_ptr<bool> taken_;
};

namespace detail {

template <class Public, class Store>
AsyncResult<Public> to_async_result(ResultState<Public, Store> state) {
  if constexpr (std::is_void_v<Public>) {
    return AsyncResult<void>(std::move(state.batch), {});
  } else {
    return AsyncResult<Public>(
        std::move(state.batch),
        [store = std::move(state.store)]() -> Public& { return store->get(); });
  }
}

}  // namespace detail

}  // namespace mpx
