#pragma once

#include <boost/serialization/access.hpp>
#include <boost/serialization/serialization.hpp>
#include <concepts>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace mpx::detail {

/// Recognises types that bring their own Boost serialize, as a member or as a free function.
namespace own_serialize {

struct Tag {};
struct Archive {};

struct NamesSerialize {
  int serialize;
};
template <class T>
struct Both : T, NamesSerialize {};

// Looking up `serialize` in Both<T> is ambiguous exactly when T has such a member; access plays no
// part in look-up, so a private one that befriends boost::serialization::access is found as well.
template <class T>
consteval bool has_member() {
  if constexpr (!std::is_class_v<T>) {
    return false;
  } else if constexpr (std::is_final_v<T>) {
    return requires(T & value, Archive & archive) { value.serialize(archive, 0u); };
  } else {
    return !requires { &Both<T>::serialize; };
  }
}

// Beats Boost's catch-all template by its constraint, and loses to, or ties with, anything written
// for a type of its own.
template <class A, class T>
requires std::is_same_v<A, Archive> Tag serialize(A&, T&, const unsigned int);

template <class T>
consteval bool has_function() {
  using Version = const boost::serialization::version_type;
  if constexpr (requires(Archive & archive, T & value, Version & v) {
                  serialize(archive, value, v);
                }) {
    return !requires(Archive & archive, T & value, Version & v) {
      { serialize(archive, value, v) } -> std::same_as<Tag>;
    };
  } else {
    return true;
  }
}

template <class A, class T>
requires std::is_same_v<A, Archive> Tag load_construct_data(A&, T*, const unsigned int);

/// Whether there is a load_construct_data for T, in place of Boost's that takes the default
/// constructor.
template <class T>
consteval bool has_construction() {
  using Version = const boost::serialization::version_type;
  if constexpr (requires(Archive & archive, T * place, Version & v) {
                  load_construct_data(archive, place, v);
                }) {
    return !requires(Archive & archive, T * place, Version & v) {
      { load_construct_data(archive, place, v) } -> std::same_as<Tag>;
    };
  } else {
    return true;
  }
}

// What Boost may do to a T depends on whom T befriends, so it can be asked only from inside
// boost::serialization::access. The closure made there (below) comes out as the type that
// ask_access() returns.
struct MayConstruct {};
template <class A>
struct MaySerialize {};
struct Access {
  friend auto ask_access(Access);
};
template <class Asker>
struct BringOut {
  friend auto ask_access(Access) { return Asker{}; }
};

}  // namespace own_serialize

/// An array behind a smart pointer has no length that could be sent.
template <class T>
inline constexpr bool is_owned_array = false;
template <class T, class D>
inline constexpr bool is_owned_array<std::unique_ptr<T[], D>> = true;

template <class T>
concept OwnSerialize = (std::is_class_v<T> || std::is_union_v<T>)&&!is_owned_array<T> &&
                       (own_serialize::has_member<T>() || own_serialize::has_function<T>());

}  // namespace mpx::detail

template <>
inline void boost::serialization::access::construct<mpx::detail::own_serialize::Access>(
    mpx::detail::own_serialize::Access* /*place*/) {
  namespace own = mpx::detail::own_serialize;
  constexpr auto kAsker = []<class Question, class T>(Question, std::type_identity<T>) {
    if constexpr (std::is_same_v<Question, own::MayConstruct>) {
      return std::bool_constant < requires(void* place) { ::new (place) T; }
      > {};
    } else {
      return []<class A>(own::MaySerialize<A>) {
        return std::bool_constant < requires(A & archive, T & value, const unsigned int version) {
          value.serialize(archive, version);
        }
        > {};
      }(Question{});
    }
  };
  static_cast<void>(sizeof(own::BringOut<std::remove_const_t<decltype(kAsker)>>));
}

namespace mpx::detail::own_serialize {

/// Whether Boost may do that to a T: MayConstruct, by the default constructor, or
/// MaySerialize<Archive>, by a member.
template <class Question, class T>
inline constexpr bool boost =
    decltype(ask_access(Access{})(Question{}, std::type_identity<T>{}))::value;

}  // namespace mpx::detail::own_serialize
