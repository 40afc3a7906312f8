#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <mpx/mpx.hpp>
#include <source_location>
#include <stdexcept>
#include <string>
#include <vector>

/// As EXPECT_TRUE, in a process: its exit code is 1 if it is not so.
inline void need(bool so, std::source_location at = std::source_location::current()) {
  if (!so) throw std::logic_error("not so: line " + std::to_string(at.line()));
}

template <class E, class F>
void need_throw(F f, std::source_location at = std::source_location::current()) {
  try {
    f();
  } catch (const E&) {
    return;
  }
  throw std::logic_error("nothing was thrown: line " + std::to_string(at.line()));
}

/// Calls `f(args…)` in `count` processes, and expects that all end well.
template <class F, class... Args>
void run_processes(int count, F f, const Args&... args) {
  std::vector<mpx::Process> processes;
  for (int i = 0; i < count; ++i) {
    processes.emplace_back(f, args...);
    processes.back().start();
  }
  for (const auto& process : processes) {
    process.join();
    EXPECT_EQ(process.exit_code(), 0);
  }
}

/// Calls `f` here, inside a rank, and in a process.
template <class F>
void here_and_in_a_process(F f) {
  EXPECT_NO_THROW(f());
  run_processes(1, f);
}
