// A libmpx program that ends in the way named, for mpx-run's tests: "N" returns N from the body,
// "exit N" exits in it, "throw" throws, "main N" returns N from main after a body that returned 0.

#include <cstdio>
#include <cstdlib>
#include <mpx/mpx.hpp>
#include <stdexcept>
#include <string>

namespace {

// What is left to do at exit is done, whichever status is handed on.
struct Global {
  ~Global() { std::fputs("destroyed\n", stderr); }
} global;

}  // namespace

int main(int argc, char** argv) {
  const std::string how = argc > 1 ? argv[1] : "0";
  const int number = argc > 2 ? std::atoi(argv[2]) : std::atoi(how.c_str());
  bool was_body = false;  // this is rank 0
  const int status = mpx::run(argc, argv, [&] {
    was_body = true;
    if (how == "exit") std::exit(number);
    if (how == "throw") throw std::runtime_error("thrown");
    return how == "main" ? 0 : number;
  });
  return how == "main" && was_body ? number : status;
}
