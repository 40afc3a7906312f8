#pragma once

#include <cstddef>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "mpx/bind_front.hpp"
#include "mpx/detail/codec.hpp"

namespace mpx::detail {

/// How a member function wants its object.
enum class ObjectAs { none, constant, changed, consumed };

template <ObjectAs As, class... Ps>
struct KnownSignature {
  static constexpr bool known = true;
  static constexpr ObjectAs object = As;
  static constexpr std::size_t arity = sizeof...(Ps) + (As == ObjectAs::none ? 0 : 1);
  using Parameters = TypeList<Ps...>;  // without the object
};

/// The parameters of a callable, where they can be known; generic lambdas, overloaded operator()
/// and pointers to data members have none.
template <class F>
struct Signature {
  static constexpr bool known = false;
};

template <class R, class... Ps>
struct Signature<R (*)(Ps...)> : KnownSignature<ObjectAs::none, Ps...> {};
template <class R, class... Ps>
struct Signature<R (*)(Ps...) noexcept> : KnownSignature<ObjectAs::none, Ps...> {};

#define MPX_MEMBER_SIGNATURE(QUALIFIERS, OBJECT)                                          \
  template <class R, class C, class... Ps>                                                \
  struct Signature<R (C::*)(Ps...) QUALIFIERS> : KnownSignature<OBJECT, Ps...> {          \
    using Free = R (*)(Ps...);                                                            \
  };                                                                                      \
  template <class R, class C, class... Ps>                                                \
  struct Signature<R (C::*)(Ps...) QUALIFIERS noexcept> : KnownSignature<OBJECT, Ps...> { \
    using Free = R (*)(Ps...);                                                            \
  };
MPX_MEMBER_SIGNATURE(, ObjectAs::changed)
MPX_MEMBER_SIGNATURE(&, ObjectAs::changed)
MPX_MEMBER_SIGNATURE(const, ObjectAs::constant)
MPX_MEMBER_SIGNATURE(const&, ObjectAs::constant)
MPX_MEMBER_SIGNATURE(&&, ObjectAs::consumed)
#undef MPX_MEMBER_SIGNATURE

template <class F>
requires std::is_class_v<F> && requires { typename Signature<decltype(&F::operator())>::Free; }
struct Signature<F> : Signature<typename Signature<decltype(&F::operator())>::Free> {};

/// The arguments of F as values, a member function's object not among them; a type that nobody has
/// where they cannot be known.
template <class Parameters>
struct ArgumentValues;
template <class... Ps>
struct ArgumentValues<TypeList<Ps...>> {
  using Type = std::tuple<std::decay_t<Ps>...>;
};
template <class F>
struct Arguments {
  class Type {
    Type() = default;
  };
};
template <class F>
requires(Signature<F>::known&& Signature<F>::object == ObjectAs::none) struct Arguments<F>
    : ArgumentValues<typename Signature<F>::Parameters> {
};
template <class F>
using arguments_t = typename Arguments<std::decay_t<F>>::Type;
/// A parameter through which the called code would change something that the caller never sees.
template <class P>
inline constexpr bool is_mutable_reference =
    std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>;
template <class P>
inline constexpr bool is_raw_pointer = std::is_pointer_v<std::remove_reference_t<P>>;

/// One argument of a call in the process that carries it out. `Actual` is what there is: a decoded
/// value (no reference), a bound argument (reference to const) or the object of a proxy (T&).
template <class Actual>
inline constexpr bool is_decoded = !std::is_reference_v<Actual>;

/// The type as which `Actual` is given to parameter P: moved if that converts, else in place, so
/// that a std::span<int> can look at a decoded vector.
template <class P, class Actual>
using passed_t = std::conditional_t<
    !is_decoded<Actual>, Actual,
    std::conditional_t<!std::is_convertible_v<Actual&&, P> && !is_mutable_reference<P> &&
                           std::is_convertible_v<Actual&, P>,
                       Actual&, Actual&&>>;

/// As which the object of a member function is given: in place; a bound one, which other calls will
/// need again, as a copy if the function changes it.
template <ObjectAs As, class Actual>
using passed_object_t = std::conditional_t<
    is_decoded<Actual>, std::conditional_t<As == ObjectAs::consumed, Actual&&, Actual&>,
    std::conditional_t<As != ObjectAs::constant && std::is_const_v<std::remove_reference_t<Actual>>,
                       std::remove_cvref_t<Actual>, Actual>>;

template <class Sig, class Actuals>
struct PassedList;
template <class Sig, class... Actual>
requires(!Sig::known) struct PassedList<Sig, TypeList<Actual...>> {
  using Type = TypeList<std::conditional_t<is_decoded<Actual>, Actual&&, Actual>...>;
};

template <class Ps, class Actuals>
struct PassedParameters;
template <class... Ps, class... Actual>
struct PassedParameters<TypeList<Ps...>, TypeList<Actual...>> {
  static constexpr bool pointers =
      ((is_raw_pointer<Ps> &&
        (is_decoded<Actual> || std::is_const_v<std::remove_reference_t<Actual>>)) ||
       ...);
  static constexpr bool mutable_references =
      ((is_mutable_reference<Ps> &&
        (is_decoded<Actual> || std::is_const_v<std::remove_reference_t<Actual>>)) ||
       ...);
  template <class... Before>
  using Type = TypeList<Before..., passed_t<Ps, Actual>...>;
};

template <class Sig, class... Actual>
requires(Sig::known&& Sig::object == ObjectAs::none) struct PassedList<Sig, TypeList<Actual...>> {
  using Parameters = PassedParameters<typename Sig::Parameters, TypeList<Actual...>>;
  using Type = typename Parameters::template Type<>;
};
template <class Sig, class Object, class... Actual>
requires(Sig::known&& Sig::object !=
         ObjectAs::none) struct PassedList<Sig, TypeList<Object, Actual...>> {
  using Parameters = PassedParameters<typename Sig::Parameters, TypeList<Actual...>>;
  using Type = typename Parameters::template Type<passed_object_t<Sig::object, Object>>;
};

/// A call with the bound arguments of BoundFronts laid out in front of the others.
template <class F, class... Actual>
struct FlatCall {
  using Function = F;
  using Sig = Signature<std::remove_const_t<F>>;
  using Actuals = TypeList<Actual...>;
};
template <class F, class... Bound, class... Actual>
struct FlatCall<BoundFront<F, Bound...>, Actual...>
    : FlatCall<const F, const Bound&..., Actual...> {};
template <class F, class... Bound, class... Actual>
struct FlatCall<const BoundFront<F, Bound...>, Actual...>
    : FlatCall<const F, const Bound&..., Actual...> {};

}  // namespace mpx::detail
