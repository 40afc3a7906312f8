// Round trips between two processes of one node.
#include <mpx/mpx.hpp>
#include <vector>

#include "common/bench.hpp"

namespace {

using Message = std::vector<char>;

void echo(mpx::Connection link) {
  for (auto message = link.recv<Message>(); !message.empty(); message = link.recv<Message>()) {
    link.send(message);
  }
}

void ping(mpx::Connection link, bool quick) {
  for (const auto [size, round_trips] : bench::pipe_cases(quick)) {
    const Message message(static_cast<std::size_t>(size));
    const double time = bench::median_seconds(9, [&, n = round_trips] {
      for (int i = 0; i < n; ++i) {
        link.send(message);
        link.recv<Message>();
      }
    });
    bench::emit_pipe("pipe_process", "mpx", size, time / round_trips);
  }
  link.send(Message());  // ends the echo
}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [&] {
    const auto [near, far] = mpx::pipe();
    mpx::Process echoing(echo, far);
    mpx::Process pinging(ping, near, bench::quick(argc, argv));
    echoing.start();
    pinging.start();
    pinging.join();
    echoing.join();
  });
}
