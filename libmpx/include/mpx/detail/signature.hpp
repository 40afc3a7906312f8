#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "mpx/bind_front.hpp"
#include "mpx/detail/codec.hpp"

namespace mpx::detail {

/// The parameters of a callable, where they can be known: `Known` and a list of types. Generic
/// lambdas and overloaded operator() have none.
template <class F>
struct Signature {
  static constexpr bool known = false;
};

template <class... Ps>
struct KnownSignature {
  static constexpr bool known = true;
  static constexpr std::size_t arity = sizeof...(Ps);
  using Parameters = TypeList<Ps...>;
};

template <class R, class... Ps>
struct Signature<R (*)(Ps...)> : KnownSignature<Ps...> {};
template <class R, class... Ps>
struct Signature<R (*)(Ps...) noexcept> : KnownSignature<Ps...> {};

/// A member function as a function whose first parameter is its object.
template <class M>
struct MemberSignature {
  static constexpr bool known = false;
};
#define MPX_MEMBER_SIGNATURE(QUALIFIERS, OBJECT)                                        \
  template <class R, class C, class... Ps>                                              \
  struct MemberSignature<R (C::*)(Ps...) QUALIFIERS> : KnownSignature<Ps...> {          \
    using Object = OBJECT;                                                              \
  };                                                                                    \
  template <class R, class C, class... Ps>                                              \
  struct MemberSignature<R (C::*)(Ps...) QUALIFIERS noexcept> : KnownSignature<Ps...> { \
    using Object = OBJECT;                                                              \
  };
MPX_MEMBER_SIGNATURE(, C)
MPX_MEMBER_SIGNATURE(const, C)
MPX_MEMBER_SIGNATURE(&, C)
MPX_MEMBER_SIGNATURE(const&, C)
MPX_MEMBER_SIGNATURE(&&, C)
#undef MPX_MEMBER_SIGNATURE

template <class F>
requires std::is_class_v<F> && requires { &F::operator(); }
struct Signature<F> : MemberSignature<decltype(&F::operator())> {};

template <class T>
inline constexpr bool is_bound_front = false;
template <class F, class... Bound>
inline constexpr bool is_bound_front<BoundFront<F, Bound...>> = true;

/// Parameters through which a call could not reach back, and pointers that would dangle.
template <class P>
inline constexpr bool is_mutable_reference =
    std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>;
template <class P>
inline constexpr bool is_pointer_parameter = std::is_pointer_v<std::remove_reference_t<P>>;

template <class... Ps>
consteval void require_parameters(TypeList<Ps...>) {
  static_assert(!(is_pointer_parameter<Ps> || ...),
                "mpx: a raw-pointer parameter cannot be used in another process, because the "
                "address means nothing there: take the value, a std::string, std::string_view, "
                "std::vector or std::span");
  static_assert(!(is_mutable_reference<Ps> || ...),
                "mpx: a parameter that is a non-const reference would change a copy in another "
                "process: take the argument by value or by const reference and return the result");
}

}  // namespace mpx::detail
