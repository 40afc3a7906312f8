// expect: give it a Boost serialize
#include <tuple>

#include "mpx/detail/encode.hpp"

using mpx::detail::encode;

struct Point {
  int x, y;
};

int main() { encode(std::tuple<int, Point>(1, {1, 2})); }
