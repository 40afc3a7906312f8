#pragma once

#include "mpx/mpx.hpp"

// What Process, Pool::apply and the others do with a function and its arguments.
template <class F = mpx::detail::Unresolved, class... Args>
requires mpx::detail::OneFunction<F> mpx::detail::call_result_t<F, Args...> call(
    F&& function, const Args&... arguments) {
  mpx::detail::Writer writer;
  mpx::detail::write_callable<F, Args...>(writer, function);
  mpx::detail::write_arguments(writer, arguments...);
  return mpx::detail::call_result_t<F, Args...>();
}
