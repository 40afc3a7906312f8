// Cubes of 1 to 100, each computed by some process of a pool.
//
//   mpx-run ./05_pool

#include <iostream>
#include <mpx/mpx.hpp>
#include <vector>

int cube(int x) { return x * x * x; }

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [] {
    mpx::Pool pool(4);
    std::vector<int> results;
    for (int x = 1; x <= 100; ++x) results.push_back(pool.apply(cube, x));

    const char* before = "[";
    for (const int result : results) {
      std::cout << before << result;
      before = ", ";
    }
    std::cout << "]\n";
  });
}
