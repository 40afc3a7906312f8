// expect: a view (std::string_view, std::span
// expect: send a std::string or a std::vector
#include <string_view>

#include "call.hpp"

std::string_view name() { return "name"; }

int main() { call(name); }
