// A program that does nothing but return the status given: compare.py times mpx-run, start to finish.
#include <cstdlib>
#include <mpx/mpx.hpp>

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [&] { return argc > 1 ? std::atoi(argv[1]) : 0; });
}
