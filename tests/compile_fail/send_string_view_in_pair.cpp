// expect: a view (std::string_view, std::span
#include <string_view>
#include <utility>

#include "mpx/detail/encode.hpp"

using mpx::detail::encode;

int main() { encode(std::pair<int, std::string_view>(1, "text")); }
