// expect: the function cannot be called with these arguments
#include <string>

#include "call.hpp"

int length(std::string text) { return static_cast<int>(text.size()); }

int main() { call(length, 1); }
