#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "mpx/bind_front.hpp"
#include "mpx/detail/call_check.hpp"
#include "mpx/detail/encode.hpp"
#include "mpx/detail/token.hpp"

namespace mpx::detail {

/// A function that came from another process, with the state it brought along. May be called often.
class Callee {
 public:
  virtual ~Callee() = default;

  /// Decodes the arguments, calls, and encodes the result as encode() does; void leaves `result`
  /// untouched. Throws what the function throws, and CodecError.
  virtual void call(Reader& arguments, Writer& result) = 0;
};

/// A function that is called on an object of the process it came to, as its first argument.
class ObjectCallee {
 public:
  virtual ~ObjectCallee() = default;

  /// As Callee::call; `object` points to a T of write_object_callable.
  virtual void call(void* object, Reader& arguments, Writer& result) = 0;
};

/// What stands in the program for one kind of callable; its address, as a token, goes over the
/// wire. The mark tells a real one from any other place that a damaged token may name.
template <class Made>
struct Thunk {
  static constexpr std::uint64_t kMark =
      std::is_same_v<Made, Callee> ? 0x6d70782d63616c6cu : 0x6d70782d6f626a63u;
  std::uint64_t mark = kMark;
  std::unique_ptr<Made> (*make)(Reader&) = nullptr;
};

[[noreturn]] void throw_null_function();
[[noreturn]] void throw_no_thunk();

template <class F>
inline constexpr bool is_stateless = std::is_empty_v<F> && !travels<F>();

/// Writes what F needs besides its type.
template <class F>
void write_state(Writer& writer, const F& function) {
  if constexpr (is_bound_front<F>) {
    write_state(writer, function.function());
    std::apply([&](const auto&... bound) { (write(writer, bound), ...); }, function.bound());
  } else if constexpr (std::is_pointer_v<F> || std::is_member_function_pointer_v<F>) {
    if (function == nullptr) throw_null_function();
    write_function(writer, function);
  } else if constexpr (std::is_member_pointer_v<F>) {
    writer.raw(&function, sizeof function);  // an offset
  } else if constexpr (!is_stateless<F>) {
    write(writer, function);
  }
}

template <class F>
struct StateOf {
  static F read(Reader& reader) {
    if constexpr (std::is_pointer_v<F> || std::is_member_function_pointer_v<F>) {
      return read_function<F>(reader);
    } else if constexpr (std::is_member_pointer_v<F>) {
      F pointer;
      reader.raw(&pointer, sizeof pointer);
      return pointer;
    } else if constexpr (!is_stateless<F>) {
      return detail::read<F>(reader);
    } else if constexpr (std::default_initializable<F>) {
      return F{};
    } else {
      // A closure over empty objects: nothing in it, but no constructor either.
      static_assert(std::is_trivially_copyable_v<F>);
      alignas(F) std::byte place[sizeof(F)] = {};
      return *std::launder(reinterpret_cast<F*>(place));
    }
  }
};
template <class F, class... Bound>
struct StateOf<BoundFront<F, Bound...>> {
  static BoundFront<F, Bound...> read(Reader& reader) {
    return BoundFront<F, Bound...>{StateOf<F>::read(reader), detail::read<Bound>(reader)...};
  }
};

/// Gives `value` as a Passed: moved, in place, or, where Passed is no reference, as a copy.
template <class Passed, class T>
decltype(auto) pass(T& value) {
  if constexpr (std::is_reference_v<Passed>) {
    return static_cast<Passed>(value);
  } else {
    return Passed(value);
  }
}

template <class... Passed, class F, class... Values>
decltype(auto) call_flat(TypeList<Passed...> passed, F& function, Values&... values) {
  if constexpr (is_bound_front<std::remove_const_t<F>>) {
    return std::apply(
        [&](const auto&... bound) -> decltype(auto) {
          return call_flat(passed, function.function(), bound..., values...);
        },
        function.bound());
  } else {
    return std::invoke(function, pass<Passed>(values)...);
  }
}

/// Calls and encodes the result.
template <class Check, class F, class... Values>
void call_and_encode(F& function, Writer& result, Values&... values) {
  if constexpr (std::is_void_v<typename Check::Result>) {
    call_flat(typename Check::Passed{}, function, values...);
  } else {
    encode_to(result, call_flat(typename Check::Passed{}, function, values...));
  }
}

template <class F, class... Args>
class CalleeOf final : public Callee {
 public:
  explicit CalleeOf(Reader& reader) : function_(StateOf<F>::read(reader)) {}

  void call(Reader& arguments, Writer& result) override {
    std::tuple<Args...> values{read<Args>(arguments)...};  // braces: left to right
    std::apply(
        [&](Args&... each) { call_and_encode<CallCheck<F, Args...>>(function_, result, each...); },
        values);
  }

  static std::unique_ptr<Callee> make(Reader& reader) { return std::make_unique<CalleeOf>(reader); }
  static constexpr Thunk<Callee> thunk{Thunk<Callee>::kMark, &CalleeOf::make};

 private:
  F function_;
};

template <class T, class F, class... Args>
class ObjectCalleeOf final : public ObjectCallee {
 public:
  explicit ObjectCalleeOf(Reader& reader) : function_(StateOf<F>::read(reader)) {}

  void call(void* object, Reader& arguments, Writer& result) override {
    std::tuple<Args...> values{read<Args>(arguments)...};
    std::apply(
        [&](Args&... each) {
          call_and_encode<CallCheck<F, T&, Args...>>(function_, result, *static_cast<T*>(object),
                                                     each...);
        },
        values);
  }

  static std::unique_ptr<ObjectCallee> make(Reader& reader) {
    return std::make_unique<ObjectCalleeOf>(reader);
  }
  static constexpr Thunk<ObjectCallee> thunk{Thunk<ObjectCallee>::kMark, &ObjectCalleeOf::make};

 private:
  F function_;
};

/// Writes `function` so that read_callable() in another process makes a Callee of it, which takes
/// arguments of the types Args one after the other, each as write() puts it. For a map, Args is the
/// type of an element.
template <class F, class... Args>
void write_callable(Writer& writer, const std::decay_t<F>& function) {
  using D = std::decay_t<F>;
  if constexpr (CallCheck<D, sent_t<Args>...>::ok) {
    write_address(writer, &CalleeOf<D, sent_t<Args>...>::thunk);
    write_state(writer, function);
  }
}

/// As write_callable, for a function whose first argument is a T of the process it is called in.
template <class T, class F, class... Args>
void write_object_callable(Writer& writer, const std::decay_t<F>& function) {
  using D = std::decay_t<F>;
  using Check = CallCheck<D, T&, sent_t<Args>...>;
  if constexpr (Check::ok) {
    write_address(writer, &ObjectCalleeOf<T, D, sent_t<Args>...>::thunk);
    write_state(writer, function);
  }
}

/// Result of a call on a T of another process; see call_result_t.
template <class T, class F, class... Args>
using object_call_result_t = typename CallCheck<std::decay_t<F>, T&, sent_t<Args>...>::Result;

template <class Made>
std::unique_ptr<Made> read_thunk(Reader& reader) {
  const void* const place = read_address(reader, sizeof(Thunk<Made>));
  const auto* const thunk = static_cast<const Thunk<Made>*>(place);
  if (reinterpret_cast<std::uintptr_t>(place) % alignof(Thunk<Made>) != 0 ||
      thunk->mark != Thunk<Made>::kMark) {
    throw_no_thunk();
  }
  return thunk->make(reader);
}

/// Reads what write_callable wrote. Throws CodecError, or UsageError naming the module that holds
/// the function when this process has not loaded it.
inline std::unique_ptr<Callee> read_callable(Reader& reader) { return read_thunk<Callee>(reader); }
inline std::unique_ptr<ObjectCallee> read_object_callable(Reader& reader) {
  return read_thunk<ObjectCallee>(reader);
}

/// Writes arguments as a Callee reads them.
template <class... Args>
void write_arguments(Writer& writer, const Args&... arguments) {
  (write(writer, arguments), ...);
}

template <class Element>
inline constexpr bool is_spreadable = requires {
  std::tuple_size<Element>::value;
};

template <class Element>
consteval std::size_t parts_to_spread() {
  static_assert(is_spreadable<Element>,
                "mpx: starmap takes a range of pairs, tuples or std::arrays, whose parts are the "
                "arguments of the function; where each element is one argument, use map");
  if constexpr (is_spreadable<Element>) {
    return std::tuple_size_v<Element>;
  } else {
    return 0;
  }
}

/// starmap: the elements of a pair, tuple or array are the arguments.
template <class F, class Tuple, class Indices = std::make_index_sequence<parts_to_spread<Tuple>()>>
struct Spread;
/// Has been refused.
template <class F, class Tuple>
requires(!is_spreadable<Tuple>) struct Spread<F, Tuple, std::index_sequence<>> {
  using Result = void;
  static void write_function(Writer&, const std::decay_t<F>&) {}
  static void write_element(Writer&, const Tuple&) {}
};
template <class F, class Tuple, std::size_t... I>
struct Spread<F, Tuple, std::index_sequence<I...>> {
  using Result = call_result_t<F, std::tuple_element_t<I, Tuple>...>;
  static void write_function(Writer& writer, const std::decay_t<F>& function) {
    write_callable<F, std::tuple_element_t<I, Tuple>...>(writer, function);
  }
  static void write_element(Writer& writer, const Tuple& tuple) {
    write_arguments(writer, std::get<I>(tuple)...);
  }
};
template <class F, class Tuple>
using spread_result_t = typename Spread<F, Tuple>::Result;
template <class F, class Tuple>
void write_spread_callable(Writer& writer, const std::decay_t<F>& function) {
  Spread<F, Tuple>::write_function(writer, function);
}

}  // namespace mpx::detail
