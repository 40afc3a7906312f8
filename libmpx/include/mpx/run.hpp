#pragma once

#include <functional>
#include <span>
#include <type_traits>
#include <utility>

namespace mpx {

namespace detail {

int run(int argc, char** argv, const std::function<int(std::span<char*>)>& body);

/// What a body has returned.
template <class Result>
int status_of(const Result& result) {
  constexpr bool kStatus = std::is_convertible_v<const Result&, int>;
  static_assert(kStatus, "mpx: the body of mpx::run returns void or the exit status, an int");
  if constexpr (kStatus) {
    return result;
  } else {
    return 1;
  }
}

}  // namespace detail

/// Runs a program on the ranks of the job: `return mpx::run(argc, argv, [] { … });`, the first
/// statement of main.
///
/// Initialises MPI, runs `body` on rank 0, makes the other ranks supervise processes, finalises
/// MPI, and returns the exit status: what `body` returns, 0 if it returns void, 1 if an exception
/// leaves it (printed with its type). `body` takes nothing or a std::span<char*>, the program's
/// arguments without its name. Before it returns, the body's processes are joined (daemons are
/// ended); after it, none is left. Without a launcher the program runs as one rank that supervises
/// its processes itself.
///
/// Collective over all ranks. Throws nothing: what is wrong with the start is printed, and the
/// status is 1.
template <class Body>
int run(int argc, char** argv, Body&& body) {
  return detail::run(argc, argv, [&body](std::span<char*> arguments) -> int {
    if constexpr (std::is_invocable_v<Body&, std::span<char*>>) {
      if constexpr (std::is_void_v<std::invoke_result_t<Body&, std::span<char*>>>) {
        body(arguments);
        return 0;
      } else {
        return detail::status_of(body(arguments));
      }
    } else if constexpr (std::is_invocable_v<Body&>) {
      if constexpr (std::is_void_v<std::invoke_result_t<Body&>>) {
        body();
        return 0;
      } else {
        return detail::status_of(body());
      }
    } else {
      static_assert(std::is_invocable_v<Body&>,
                    "mpx: the body of mpx::run takes nothing, or a std::span<char*>, the program's "
                    "arguments");
    }
  });
}

}  // namespace mpx
