#pragma once

#include <type_traits>

namespace mpx::detail {

/// Stands for a function name that the compiler could not settle on; default of the template
/// parameter F where a user's function is taken, see OneFunction.
struct Unresolved {};

template <class F>
consteval bool is_one_function() {
  static_assert(!std::is_same_v<std::decay_t<F>, Unresolved>,
                "mpx: which function? This name is overloaded or a template: choose one, for "
                "example by static_cast<Result (*)(Parameters...)>(name), or wrap the call in a "
                "captureless lambda. (Options are written with their type: "
                "ProcessOptions{.name = ...}.)");
  return true;
}

/// `template <class F = Unresolved, class... Args> requires OneFunction<F> R apply(F&&, Args&&...)`
/// says what is wrong when it is called with the name of an overloaded function.
template <class F>
concept OneFunction = is_one_function<F>();

}  // namespace mpx::detail
