#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "mpx/detail/encode.hpp"
#include "mpx/detail/pool_core.hpp"

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

}  // namespace mpx
