// expect: a std::function cannot travel between processes
#include <functional>

#include "mpx/detail/encode.hpp"

using mpx::detail::encode;

int main() { encode(std::function<void()>{}); }
