#pragma once

#include <boost/serialization/level.hpp>
#include <boost/serialization/tracking.hpp>
#include <boost/serialization/version.hpp>
#include <type_traits>

#include "mpx/detail/own_serialize.hpp"
#include "mpx/detail/sendable.hpp"

namespace mpx::detail {

/// What Boost.Serialization has decided for T, at compile time.
template <class T>
struct BoostTraits {
  static constexpr int level = boost::serialization::implementation_level<T>::value;
  static constexpr int tracking = boost::serialization::tracking_level<T>::value;
  static constexpr int version = boost::serialization::version<T>::value;
  static constexpr bool primitive = level == boost::serialization::primitive_type;
  static constexpr bool never_shared = level == boost::serialization::object_serializable ||
                                       tracking == boost::serialization::track_never;
  static constexpr bool always_shared = tracking == boost::serialization::track_always;
};

/// Boost keeps its pointers only to classes that have a serialize.
template <class T>
inline constexpr bool can_be_pointed_to = std::is_class_v<T> &&
                                          (OwnSerialize<T> || BoostTraits<T>::primitive);

template <class T>
consteval bool require_pointee() {
  static_assert(can_be_pointed_to<std::remove_cv_t<T>>,
                "mpx: a pointer inside a value travels, with what it points to, only if that is a "
                "class with a Boost serialize: point to such a class, or hold the value itself, "
                "a std::optional or a std::vector of it");
  return can_be_pointed_to<std::remove_cv_t<T>>;
}

/// Whether the serialize of T can be called. Of a function that stands alone nothing is asked.
template <class A, class T>
inline constexpr bool serialize_fits =
    !own_serialize::has_member<T>() || own_serialize::has_function<T>() ||
    own_serialize::boost<own_serialize::MaySerialize<A>, T>;

/// Refuses, with the reason, to compile where a T would have to go into an archive but cannot.
template <class A, class T>
consteval bool require_archived() {
  if constexpr (is_smart_pointer<T> && OwnSerialize<T>) {
    return require_pointee<typename PointeeOf<T>::type>();
  } else if constexpr (OwnSerialize<T> && !BoostTraits<T>::primitive) {
    static_assert(serialize_fits<A, T>,
                  "mpx: Boost.Serialization cannot call the serialize of this type: write "
                  "`template <class Archive> void serialize(Archive& archive, unsigned version)`, "
                  "which is not const, as a public member, or as a private one of a class that has "
                  "`friend class boost::serialization::access;`");
    return serialize_fits<A, T>;
  } else if constexpr (OwnSerialize<T> || BoostTraits<T>::primitive || std::is_array_v<T>) {
    return true;
  } else if constexpr (std::is_pointer_v<T>) {
    return require_pointee<std::remove_pointer_t<T>>();
  } else {
    require_sendable<T>();
    return travels<T>();
  }
}

}  // namespace mpx::detail
