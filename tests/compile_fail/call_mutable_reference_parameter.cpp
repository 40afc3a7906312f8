// expect: a parameter that is a non-const reference would change a copy
#include "call.hpp"

void increase(int& a) { ++a; }

int main() { call(increase, 1); }
