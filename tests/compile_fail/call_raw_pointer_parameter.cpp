// expect: a raw-pointer parameter cannot be filled in another process
#include "call.hpp"

int first(const char* text) { return text[0]; }

int main() { call(first, "text"); }
