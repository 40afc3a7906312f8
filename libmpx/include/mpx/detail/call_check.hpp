#pragma once

#include <functional>
#include <string_view>
#include <type_traits>

#include "mpx/bind_front.hpp"
#include "mpx/detail/one_function.hpp"
#include "mpx/detail/sendable.hpp"
#include "mpx/detail/signature.hpp"

namespace mpx::detail {

template <class F>
inline constexpr bool is_bound_front = false;
template <class F, class... Bound>
inline constexpr bool is_bound_front<BoundFront<F, Bound...>> = true;

/// Whether F can name itself in another process: as a token, by its state, or having none.
template <class F>
inline constexpr bool callable_travels = std::is_function_v<std::remove_pointer_t<F>> ||
                                         std::is_member_pointer_v<F> ||
                                         (std::is_class_v<F> &&
                                          (travels<F>() || std::is_empty_v<F>));
template <class F, class... Bound>
inline constexpr bool callable_travels<BoundFront<F, Bound...>> = callable_travels<F> &&
                                                                  (travels<Bound>() && ...);

template <class F>
struct RequireCallable {
  static consteval void check() {
    if constexpr (callable_travels<F>) {
      if constexpr (std::is_class_v<F> && travels<F>()) static_cast<void>(require_received<F>());
    } else if constexpr (is_std_function<F>) {
      static_assert(callable_travels<F>,
                    "mpx: a std::function cannot be called in another process, because what it "
                    "holds is unknown: pass the function itself, or mpx::bind_front(f, "
                    "arguments...)");
    } else if constexpr (is_lambda<F>) {
      static_assert(callable_travels<F>,
                    "mpx: a lambda that captures cannot be called in another process, because its "
                    "captures cannot be serialised: pass the values as arguments, or bind them to "
                    "a captureless lambda or a function with mpx::bind_front(f, values...)");
    } else {
      static_assert(callable_travels<F>,
                    "mpx: this cannot be called in another process: use a function, a member "
                    "function, a captureless lambda, mpx::bind_front(f, arguments...), or a "
                    "function object with a Boost serialize");
    }
  }
};
template <class F, class... Bound>
struct RequireCallable<BoundFront<F, Bound...>> {
  static consteval void check() {
    RequireCallable<F>::check();
    (require_received<Bound>(), ...);
  }
};

template <class F, class Passed>
struct InvokeResult;
template <class F, class... Passed>
struct InvokeResult<F, TypeList<Passed...>> : std::invoke_result<F&, Passed...> {
  static constexpr bool possible = std::is_invocable_v<F&, Passed...>;
};

template <class Actuals>
inline constexpr std::size_t count_of = 0;
template <class... Actual>
inline constexpr std::size_t count_of<TypeList<Actual...>> = sizeof...(Actual);

template <class F, class Sig, class Actuals>
consteval bool fits() {
  if constexpr (!callable_travels<F>) {
    return false;
  } else if constexpr (!Sig::known) {
    return true;
  } else if constexpr (Sig::arity != count_of<Actuals>) {
    static_assert(Sig::arity == count_of<Actuals>,
                  "mpx: too few or too many arguments for this function (a default argument does "
                  "not count: it is not part of the function's type)");
    return false;
  } else {
    using Parameters = typename PassedList<Sig, Actuals>::Parameters;
    static_assert(!Parameters::pointers,
                  "mpx: a raw-pointer parameter cannot be filled in another process, because the "
                  "address means nothing there: let the function take the value, a std::string, a "
                  "std::string_view, a std::vector or a std::span");
    static_assert(!Parameters::mutable_references,
                  "mpx: a parameter that is a non-const reference would change a copy in another "
                  "process: take it by value or by const reference, and return the result");
    return !Parameters::pointers && !Parameters::mutable_references;
  }
}

template <class F, class Passed>
consteval bool can_be_called() {
  static_assert(InvokeResult<F, Passed>::possible,
                "mpx: the function cannot be called with these arguments: they are too few, too "
                "many, or do not convert to its parameters (arguments travel as their decayed "
                "types, C strings as std::string, and are given to the function as rvalues)");
  return InvokeResult<F, Passed>::possible;
}

template <class A>
consteval bool require_actual() {
  if constexpr (is_decoded<A>) {
    return require_received<A>();
  } else {
    return true;
  }
}

/// Refuses what is wrong with the function, the arguments and the parameters.
template <class F, class... Actual>
consteval bool call_fits() {
  using Flat = FlatCall<F, Actual...>;
  RequireCallable<F>::check();
  if constexpr ((require_actual<Actual>() && ...)) {
    return fits<F, typename Flat::Sig, typename Flat::Actuals>();
  } else {
    return false;
  }
}

template <bool Fits, class Flat>
struct CallTypes {
  using Passed = TypeList<>;
  using Result = void;
};

template <bool Possible, class Invoked>
struct ResultOf : std::type_identity<void> {};
template <class Invoked>
struct ResultOf<true, Invoked> : std::type_identity<sent_t<typename Invoked::type>> {};

template <class Flat>
struct CallTypes<true, Flat> {
  using Passed = typename PassedList<typename Flat::Sig, typename Flat::Actuals>::Type;
  using Invoked = InvokeResult<typename Flat::Function, Passed>;
  using Result = typename ResultOf<can_be_called<typename Flat::Function, Passed>(), Invoked>::type;
};

template <class R>
consteval bool require_result() {
  if constexpr (!std::is_void_v<R>) require_sendable<R>();
  return true;
}

/// Everything known at compile time about a call of F in another process. Being named, it refuses,
/// with the reason, a call that cannot be made there. `Actual`: see is_decoded.
template <class F, class... Actual>
struct CallCheck : CallTypes<call_fits<F, Actual...>(), FlatCall<F, Actual...>> {
  static constexpr bool ok =
      call_fits<F, Actual...>() && require_result<typename CallCheck::Result>();
};

/// Type of the result of calling F in another process with arguments of types Args as given here:
/// decayed, C strings as std::string. A call that cannot be made does not compile, and says why.
template <class F, class... Args>
using call_result_t = typename CallCheck<std::decay_t<F>, sent_t<Args>...>::Result;

}  // namespace mpx::detail
