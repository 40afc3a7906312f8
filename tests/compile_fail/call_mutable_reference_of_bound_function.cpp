// expect: a parameter that is a non-const reference would change a copy
#include "call.hpp"

void increase(int, int& a) { ++a; }

int main() { call(mpx::bind_front(increase, 1), 1); }
