#pragma once

#include <boost/serialization/access.hpp>
#include <boost/serialization/serialization.hpp>
#include <concepts>
#include <type_traits>

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

}  // namespace own_serialize

template <class T>
concept OwnSerialize = (std::is_class_v<T> ||
                        std::is_union_v<T>)&&(own_serialize::has_member<T>() ||
                                              own_serialize::has_function<T>());

}  // namespace mpx::detail
