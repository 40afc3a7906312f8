#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <initializer_list>
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
    std::is_same_v<T, std::thread> || std::is_same_v<T, std::jthread>;
template <class M>
inline constexpr bool is_lock_or_thread<std::unique_lock<M>> = true;
template <class M>
inline constexpr bool is_lock_or_thread<std::lock_guard<M>> = true;
template <class T>
inline constexpr bool is_lock_or_thread<std::atomic<T>> = true;
template <class T>
inline constexpr bool is_lock_or_thread<std::future<T>> = true;
template <class T>
inline constexpr bool is_lock_or_thread<std::promise<T>> = true;

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
  } else if constexpr (std::is_pointer_v<T> || std::is_member_pointer_v<T> ||
                       std::is_null_pointer_v<T>) {
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
  } else {
    static_assert(
        travels<T>(),
        "mpx: this type cannot travel between processes: give it a Boost serialize "
        "(template <class Archive> void serialize(Archive& archive, unsigned) { archive & "
        "member & …; }), or, if its bytes mean the same everywhere, specialise "
        "mpx::is_bitwise");
  }
}

}  // namespace mpx::detail

namespace mpx {

/// Types whose values can travel between processes.
template <class T>
concept Sendable = detail::travels<std::remove_cv_t<T>>();

}  // namespace mpx
