// GoogleTest inside mpx::run: the tests run on rank 0, which starts processes on the others.

#include <gtest/gtest.h>

#include <mpx/mpx.hpp>

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  return mpx::run(argc, argv, [] { return RUN_ALL_TESTS(); });
}
