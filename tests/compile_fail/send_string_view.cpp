// expect: a view (std::string_view, std::span
#include <string_view>

#include "mpx/detail/encode.hpp"

using mpx::detail::encode;

int main() { encode(std::string_view("text")); }
