// Round trips between two processes of one node.
#include <mpx/mpx.hpp>

#include "common/ping_pong.hpp"

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [&] {
    const auto [near, far] = mpx::pipe();
    mpx::Process echoing(bench::echo, far);
    mpx::Process pinging(bench::ping, near, "pipe_process", bench::quick(argc, argv));
    echoing.start();
    pinging.start();
    pinging.join();
    echoing.join();
  });
}
