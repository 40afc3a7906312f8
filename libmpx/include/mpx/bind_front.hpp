#pragma once

#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "mpx/detail/codec.hpp"
#include "mpx/detail/one_function.hpp"

namespace mpx {

/// A function with its first arguments: what bind_front returns. Callable here, and in any process.
template <class F, class... Bound>
class BoundFront {
 public:
  explicit BoundFront(F function, Bound... bound)
      : function_(std::move(function)), bound_(std::move(bound)...) {}

  /// Calls the function with copies of, or references to, the bound arguments, then `rest`.
  template <class... Rest>
  requires std::is_invocable_v<const F&, const Bound&..., Rest...>
  decltype(auto) operator()(Rest&&... rest) const {
    return std::apply(
        [&](const Bound&... bound) -> decltype(auto) {
          return std::invoke(function_, bound..., std::forward<Rest>(rest)...);
        },
        bound_);
  }

  [[nodiscard]] const F& function() const { return function_; }
  [[nodiscard]] const std::tuple<Bound...>& bound() const { return bound_; }

 private:
  F function_;
  std::tuple<Bound...> bound_;
};

/// Binds the first arguments of `f`, as std::bind_front does, so that the result can be called in
/// another process: `pool.map(mpx::bind_front(scale, 2.0), values)`. `f` is anything that may be
/// called there, a BoundFront too. The arguments are kept, and travel, as their decayed types; char
/// arrays as std::string.
template <class F = detail::Unresolved, class... Args>
requires detail::OneFunction<F> BoundFront<std::decay_t<F>, detail::sent_t<Args>...> bind_front(
    F&& f, Args&&... args) {
  return BoundFront<std::decay_t<F>, detail::sent_t<Args>...>(std::forward<F>(f),
                                                              std::forward<Args>(args)...);
}

}  // namespace mpx
