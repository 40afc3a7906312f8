// A program that does nothing: compare.py times mpx-run, start to finish.
#include <mpx/mpx.hpp>

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [] {});
}
