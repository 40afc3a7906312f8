#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string_view>
#include <thread>
#include <type_traits>

#include "mpx/detail/codec.hpp"
#include "mpx/detail/codec_containers.hpp"
#include "mpx/detail/codec_values.hpp"
#include "mpx/detail/type_name.hpp"

namespace mpx::detail {

template <class T>
inline constexpr bool is_view = false;
template <class C, class Traits>
inline constexpr bool is_view<std::basic_string_view<C, Traits>> = true;
template <class T, std::size_t N>
inline constexpr bool is_view<std::span<T, N>> = true;
template <class T>
inline constexpr bool is_view<std::initializer_list<T>> = true;
template <class T>
inline constexpr bool is_view<std::reference_wrapper<T>> = true;

template <class T>
inline constexpr bool is_std_function = false;
template <class Signature>
inline constexpr bool is_std_function<std::function<Signature>> = true;

template <class T>
inline constexpr bool is_lock_or_thread =
    std::is_same_v<T, std::mutex> || std::is_same_v<T, std::recursive_mutex> ||
    std::is_same_v<T, std::timed_mutex> || std::is_same_v<T, std::recursive_timed_mutex> ||
    std::is_same_v<T, std::shared_mutex> || std::is_same_v<T, std::shared_timed_mutex> ||
    std::is_same_v<T, std::condition_variable> || std::is_same_v<T, std::condition_variable_any> ||
    std::is_same_v<T, std::thread> || std::is_same_v<T, std::jthread> ||
    std::is_same_v<T, std::atomic_flag>;
template <class M>
inline constexpr bool is_lock_or_thread<std::unique_lock<M>> = true;
template <class M>
inline constexpr bool is_lock_or_thread<std::lock_guard<M>> = true;
template <class T>
inline constexpr bool is_lock_or_thread<std::atomic<T>> = true;
template <class T>
inline constexpr bool is_lock_or_thread<std::future<T>> = true;
template <class T>
inline constexpr bool is_lock_or_thread<std::shared_future<T>> = true;
template <class T>
inline constexpr bool is_lock_or_thread<std::promise<T>> = true;

/// What a smart pointer points to; void for other types.
template <class T>
struct PointeeOf : std::type_identity<void> {};
template <class T, class D>
struct PointeeOf<std::unique_ptr<T, D>> : std::type_identity<T> {};
template <class T>
struct PointeeOf<std::shared_ptr<T>> : std::type_identity<T> {};
template <class T>
struct PointeeOf<std::weak_ptr<T>> : std::type_identity<T> {};
template <class T>
inline constexpr bool is_smart_pointer = !std::is_void_v<typename PointeeOf<T>::type>;

/// mpx::AsyncResult.
template <class T>
inline constexpr bool is_async_result = false;

/// Whether T is the type of a lambda.
template <class T>
inline constexpr bool is_lambda = std::is_class_v<T> &&
                                  (raw_type_name<T>().ends_with('>') ||
                                   raw_type_name<T>().ends_with(')')) &&
                                  (raw_type_name<T>().rfind("<lambda(") != std::string_view::npos ||
                                   raw_type_name<T>().rfind("(lambda at ") !=
                                       std::string_view::npos) &&
                                  std::is_class_v<T>;

template <class T>
consteval void require_sendable();

template <class... Ts>
consteval void require_all_sendable(TypeList<Ts...>) {
  (require_sendable<std::remove_cv_t<Ts>>(), ...);
}

/// Refuses, with the reason, to compile where a T would have to travel but cannot.
template <class T>
consteval void require_sendable() {
  if constexpr (travels<T>()) {
    return;
  } else if constexpr (Native<T>) {
    require_all_sendable(typename Codec<T>::Parts{});
  } else if constexpr (std::is_reference_v<T>) {
    static_assert(travels<T>(), "mpx: a reference cannot travel between processes: send a value");
  } else if constexpr (std::is_function_v<std::remove_pointer_t<T>>) {
    static_assert(travels<T>(),
                  "mpx: a function pointer cannot travel as a value: functions are sent as the "
                  "first argument of Process, apply, map, …, or inside mpx::bind_front");
  } else if constexpr (std::is_pointer_v<T> || std::is_member_pointer_v<T>) {
    static_assert(travels<T>(),
                  "mpx: a raw pointer cannot travel between processes, because the address means "
                  "nothing there: send the value itself, or a container that owns it "
                  "(std::vector, std::string, std::unique_ptr with Boost.Serialization)");
  } else if constexpr (is_view<T>) {
    static_assert(travels<T>(),
                  "mpx: a view (std::string_view, std::span, std::reference_wrapper, "
                  "std::initializer_list) cannot travel between processes, because it does not own "
                  "what it points to: send a std::string or a std::vector; the called function may "
                  "still take a view");
  } else if constexpr (is_std_function<T>) {
    static_assert(travels<T>(),
                  "mpx: a std::function cannot travel between processes: use a plain function, a "
                  "captureless lambda, or mpx::bind_front(f, arguments...)");
  } else if constexpr (is_lock_or_thread<T>) {
    static_assert(travels<T>(),
                  "mpx: threads, locks, atomics and futures of the standard library belong to one "
                  "process and cannot travel: use mpx::Lock, mpx::RecursiveLock "
                  "or mpx::Value, which can");
  } else if constexpr (is_lambda<T>) {
    static_assert(travels<T>(),
                  "mpx: a lambda cannot travel as a value: a captureless one may be called in "
                  "another process; for one that captures, use mpx::bind_front(f, arguments...)");
  } else if constexpr (is_owned_array<T>) {
    static_assert(travels<T>(),
                  "mpx: an array behind a std::unique_ptr cannot travel, because its length is not "
                  "known: send a std::vector");
  } else if constexpr (is_smart_pointer<T>) {
    static_assert(travels<T>(),
                  "mpx: a smart pointer travels, with what it points to, where "
                  "<boost/serialization/unique_ptr.hpp>, <boost/serialization/shared_ptr.hpp> or "
                  "<boost/serialization/weak_ptr.hpp> is included, and if it points to a class "
                  "with a Boost serialize; else send the value itself, or a std::optional of it");
  } else if constexpr (is_async_result<T>) {
    static_assert(travels<T>(),
                  "mpx: an AsyncResult stays in the process that made it: send what its get() "
                  "returns");
  } else {
    static_assert(
        travels<T>(),
        "mpx: this type cannot travel between processes: give it a Boost serialize "
        "(template <class Archive> void serialize(Archive& archive, unsigned) { archive & "
        "member & …; }), or, if its bytes mean the same everywhere, say so: "
        "template <> struct mpx::is_bitwise<T> : std::true_type {};");
  }
}

template <class T>
inline constexpr bool moves = std::is_move_constructible_v<T>;
template <class T, class A>
inline constexpr bool moves<std::vector<T, A>> = std::is_move_constructible_v<T>;

/// Whether a T can be made of what came: by its default constructor, or as Boost is told to.
template <class T>
inline constexpr bool can_be_made =
    std::default_initializable<T> || !OwnSerialize<T> || own_serialize::has_construction<T>() ||
    own_serialize::boost<own_serialize::MayConstruct, T>;

template <class T>
consteval bool require_made();

template <class... Ts>
consteval bool require_all_made(TypeList<Ts...>) {
  return (require_made<std::remove_cv_t<Ts>>() && ...);
}

template <class T>
consteval bool require_made() {
  if constexpr (Native<T>) {
    return require_all_made(typename Codec<T>::Parts{});
  } else {
    static_assert(can_be_made<T>,
                  "mpx: a type without default constructor can be sent but not received: give it "
                  "one (it may be private, with friend class boost::serialization::access), or "
                  "write Boost's save_construct_data and load_construct_data for it");
    return can_be_made<T>;
  }
}

/// Refuses, with the reason, to compile where a T would have to be received but cannot.
template <class T>
consteval bool require_received() {
  if constexpr (std::is_void_v<T>) {
    static_assert(!std::is_void_v<T>,
                  "mpx: void cannot be received: ask for the type that is sent");
    return false;
  } else if constexpr (std::is_const_v<T> || std::is_volatile_v<T>) {
    static_assert(!std::is_const_v<T> && !std::is_volatile_v<T>,
                  "mpx: a const or volatile type cannot be received: ask for the type without it");
    return false;
  } else if constexpr (!travels<T>()) {
    require_sendable<T>();
    return false;
  } else if constexpr (!moves<T>) {
    static_assert(moves<T>,
                  "mpx: a value that can be neither copied nor moved can be sent but not received "
                  "(a std::atomic, lock, or reference is in it, or its constructors are deleted): "
                  "give it a move constructor, or send what is in it");
    return false;
  } else {
    return require_made<T>();
  }
}

}  // namespace mpx::detail

namespace mpx {

/// Types whose values can travel between processes.
template <class T>
concept Sendable = detail::travels<std::remove_cv_t<T>>();

}  // namespace mpx
