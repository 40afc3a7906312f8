#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "mpx/detail/result_state.hpp"
#include "mpx/duration.hpp"
#include "mpx/error.hpp"

namespace mpx {

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
