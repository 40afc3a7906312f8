// expect: specialise mpx::is_bitwise
#include "mpx/detail/encode.hpp"

using mpx::detail::encode;

struct Point {
  int x, y;
};

int main() { encode(Point{1, 2}); }
