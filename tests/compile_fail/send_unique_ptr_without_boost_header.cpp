// expect: this type cannot travel between processes: give it a Boost serialize
#include <memory>

#include "mpx/detail/encode.hpp"

using mpx::detail::encode;

int main() { encode(std::make_unique<int>(1)); }
