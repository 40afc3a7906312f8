// The two ends of a pipe that measures round trips.
#pragma once

#include <mpx/mpx.hpp>
#include <string>
#include <vector>

#include "common/bench.hpp"

namespace bench {

using Message = std::vector<char>;

/// Answers each message with itself, up to the empty one.
inline void echo(const mpx::Connection& link) {
  for (auto message = link.recv<Message>(); !message.empty(); message = link.recv<Message>()) {
    link.send(message);
  }
}

/// Prints what a round trip costs, for each size, and ends the echo.
inline void ping(const mpx::Connection& link, const std::string& row, bool quick) {
  for (const auto [size, round_trips] : pipe_cases(quick)) {
    const Message message(static_cast<std::size_t>(size));
    const double time = median_seconds(9, [&, n = round_trips] {
      for (int i = 0; i < n; ++i) {
        link.send(message);
        link.recv<Message>();
      }
    });
    emit_pipe(row.c_str(), "mpx", size, time / round_trips);
  }
  link.send(Message());
}

}  // namespace bench
