// expect: a raw pointer cannot travel between processes
#include <vector>

#include "mpx/detail/encode.hpp"

using mpx::detail::encode;

int main() { encode(std::vector<int*>{}); }
