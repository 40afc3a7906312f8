// expect: belong to one process and cannot travel
#include <atomic>

#include "mpx/detail/encode.hpp"

using mpx::detail::encode;

int main() { encode(std::atomic<int>(1)); }
