// expect: a view (std::string_view, std::span
#include <span>

#include "mpx/detail/encode.hpp"

using mpx::detail::encode;

int main() { encode(std::span<int>{}); }
